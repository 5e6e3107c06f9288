import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Stats } from '../simulator/statistics.ts'
import { checkComplete } from './check-copies.ts'
import { copyWithService } from './service.ts'
import { SimulatorProgram } from './simulator-program.ts'
import type { Settings, Surroundings } from './surroundings.ts'
import { number, table } from './table.ts'

const SIZES = [10, 100, 1_000, 10_000, 100_000]
const BODY_BYTES = 6_000

/** What a folder costs in requests, by its size. Without latency and limits: they are counted, not timed. */
export async function requestsBySize({ nodeOptions }: Settings, surroundings: Surroundings): Promise<string> {
  const { folder, signal, say } = surroundings
  const mailboxes = SIZES.flatMap((size) => ['--mailbox', `${userOf(size)}=${size}`])
  const world = ['--no-limits', '--body-bytes', String(BODY_BYTES), ...mailboxes]
  await using simulator = await SimulatorProgram.start(world, { folder, signal })
  const lines: string[][] = []
  for (const size of SIZES) {
    const dataDir = join(folder, 'data')
    await mkdir(dataDir)
    await simulator.control.resetStats()
    const place = { dataDir, cacheDir: join(folder, 'compile-cache'), nodeOptions, signal }
    await copyWithService({ simulator, userUpn: userOf(size) }, { ...place, options: { attachments: 'none' } })
    const stats = await simulator.control.stats()
    checkComplete(join(dataDir, 'outlookmail.db'), size)
    await rm(dataDir, { recursive: true })
    say(`${number(size, 0)} messages: ${stats.requests} requests`)
    lines.push(lineOf(size, stats))
  }
  return [
    '## Requests by the size of a folder',
    `All that the first copy of a mailbox asks for whose mail is in one folder, in messages of ${BODY_BYTES / 1000} kB. Target: 8 or fewer per
1,000 messages above 1,000.`,
    table(['messages', 'requests', 'of them pages of mail', 'per 1,000 messages'], lines),
  ].join('\n\n')
}

function lineOf(size: number, { requests, pages }: Stats): string[] {
  return [number(size, 0), number(requests, 0), number(pages.served, 0), number((requests / size) * 1000, 1)]
}

function userOf(size: number): string {
  return `size${size}@example.com`
}
