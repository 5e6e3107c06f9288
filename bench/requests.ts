import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkComplete } from './check-copies.ts'
import { copyWithService } from './service.ts'
import { SimulatorProgram } from './simulator-program.ts'
import type { Settings, Surroundings } from './surroundings.ts'
import { number, table } from './table.ts'

/** What the empty mailbox costs, the others cost too. */
const SIZES = [0, 10, 100, 1_000, 2_000, 5_000, 10_000, 100_000]
const BODY_BYTES = 6_000

/** What a folder costs in requests, by its size. Without latency and limits: they are counted, not timed. */
export async function requestsBySize({ nodeOptions }: Settings, surroundings: Surroundings): Promise<string> {
  const { folder, signal, say } = surroundings
  const mailboxes = SIZES.flatMap((size) => ['--mailbox', `${userOf(size)}=${size}`])
  const world = ['--no-limits', '--body-bytes', String(BODY_BYTES), ...mailboxes]
  await using simulator = await SimulatorProgram.start(world, { folder, signal })
  const counts: Count[] = []
  for (const size of SIZES) {
    const dataDir = join(folder, 'data')
    await mkdir(dataDir)
    await simulator.control.resetStats()
    const place = { dataDir, cacheDir: join(folder, 'compile-cache'), nodeOptions, signal }
    await copyWithService({ simulator, userUpn: userOf(size) }, { ...place, options: { attachments: 'none' } })
    const { requests, pages } = await simulator.control.stats()
    checkComplete(join(dataDir, 'outlookmail.db'), size)
    await rm(dataDir, { recursive: true })
    say(`${number(size, 0)} messages: ${requests} requests`)
    counts.push({ size, requests, pages: pages.served })
  }
  return [
    '## Requests by the size of a folder',
    `All that the first copy of a mailbox asks for whose mail is in one folder, in messages of ${BODY_BYTES / 1000} kB. Target: 8 or fewer
for 1,000 messages, in a folder that holds more than 1,000. What an empty mailbox costs is no matter of its folder, but it is in the
numbers of small ones; the last column is without it.`,
    table(
      ['messages', 'requests', 'of them pages of mail', 'per 1,000 messages', 'per 1,000, above an empty mailbox'],
      counts.map((count) => lineOf(count, counts[0]?.requests ?? 0)),
    ),
  ].join('\n\n')
}

interface Count {
  size: number
  requests: number
  pages: number
}

function lineOf({ size, requests, pages }: Count, ofEmpty: number): string[] {
  const perThousand = (count: number) => (size === 0 ? '' : number((count / size) * 1000, 1))
  const counts = [size, requests, pages].map((count) => number(count, 0))
  return [...counts, perThousand(requests), perThousand(requests - ofEmpty)]
}

function userOf(size: number): string {
  return `size${size}@example.com`
}
