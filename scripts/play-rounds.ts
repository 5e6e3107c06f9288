import { inspect, parseArgs } from 'node:util'

/** What happened in a round, by its name: `{ kills: 3 }`. */
type Happenings = Record<string, number>

/**
 * Plays round after round, each with the next seed, and ends with those that failed.
 * `--rounds` and `--seed` say how many, and where to begin.
 */
export async function playRounds(rounds: string, play: (seed: number) => Promise<Happenings>): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: rounds }, seed: { type: 'string', default: '1000' } },
  })
  const count = Number(values.rounds)
  const firstSeed = Number(values.seed)

  const failed: number[] = []
  const sum: Happenings = {}
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    try {
      const happened = await play(seed)
      for (const [name, times] of Object.entries(happened)) sum[name] = (sum[name] ?? 0) + times
      process.stdout.write(`seed ${seed}: perfect (${inWords(happened)})\n`)
    } catch (error) {
      failed.push(seed)
      process.stdout.write(`seed ${seed}: FAILED: ${inspect(error)}\n`)
    }
  }
  process.stdout.write(`\n${[`${count - failed.length} of ${count} rounds perfect`, inWords(sum)].join(', ')}\n`)
  if (failed.length > 0) {
    process.stdout.write(`failed seeds, each to be run again with --rounds 1 --seed N: ${failed.join(', ')}\n`)
    process.exitCode = 1
  }
}

function inWords(happened: Happenings): string {
  return Object.entries(happened)
    .map(([name, times]) => `${times} ${name}`)
    .join(', ')
}
