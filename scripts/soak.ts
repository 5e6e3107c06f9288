import { parseArgs } from 'node:util'
import { soakRound } from '../test/support/soak.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '200' }, seed: { type: 'string', default: '1000' } },
})
const rounds = Number(values.rounds)
const firstSeed = Number(values.seed)

const failed: number[] = []
let kills = 0
let faults = 0
for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
  try {
    const round = await soakRound(seed)
    kills += round.kills
    faults += round.faults
    process.stdout.write(`seed ${seed}: perfect (${round.kills} kills, ${round.faults} faults)\n`)
  } catch (error) {
    failed.push(seed)
    process.stdout.write(`seed ${seed}: FAILED: ${error instanceof Error ? error.stack : error}\n`)
  }
}
process.stdout.write(`\n${rounds - failed.length} of ${rounds} rounds perfect, ${kills} kills, ${faults} faults\n`)
if (failed.length > 0) {
  process.stdout.write(`failed seeds, each to be run again with --rounds 1 --seed N: ${failed.join(', ')}\n`)
  process.exitCode = 1
}
