import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkComplete } from './check-copies.ts'
import type { Findings } from './findings.ts'
import { PAGE, type PageTimes, readSlowly, SLOWLY, type SlowRead, timePages } from './read-back.ts'
import { RunningService } from './running-service.ts'
import { type Copy, copyWithService } from './service.ts'
import { type Asked, SimulatedMailbox } from './simulated-mailbox.ts'
import type { Settings, Surroundings } from './surroundings.ts'
import { median, number, table } from './table.ts'

const MEGABYTE = 1_000_000
const BODY_BYTES = 2_000
const PAGE_REPEATS = 10

interface SizedCopies {
  messages: number
  copies: (Copy & { asked: Asked })[]
  /** Undefined where there is but one. */
  pages: PageTimes | undefined
}

/** How much memory the service takes for mailboxes of three sizes, and to answer with the largest. */
export async function memoryBySize(settings: Settings, surroundings: Surroundings): Promise<string> {
  const { large, runs } = settings
  const small = Math.ceil(large / 100)
  const bySize = [
    await copyAndRead(small, runs, settings, surroundings),
    await copyAndRead(small * 10, 1, settings, surroundings),
  ]
  let slow: SlowRead | undefined
  const largest = await copyAndRead(large, 1, settings, surroundings, async (service) => {
    slow = await readSlowly(service, large, surroundings.signal)
  })
  const sized = [...bySize, largest].map(summed)
  findFor(sized, slow, surroundings.findings)
  return report(sized, slow)
}

/** The copies, then the pages of the last of them, read back from a service that has not copied. */
async function copyAndRead(
  messages: number,
  repeats: number,
  { nodeOptions }: Settings,
  surroundings: Surroundings,
  readMore?: (service: RunningService) => Promise<void>,
): Promise<SizedCopies> {
  const { folder, signal, say } = surroundings
  await using mailbox = await SimulatedMailbox.open(messages, {
    folder,
    signal,
    bodyBytes: BODY_BYTES,
    isPrepared: false,
  })
  const dataDir = join(folder, 'sized')
  const cacheDir = join(folder, 'compile-cache')
  const databasePath = join(dataDir, 'outlookmail.db')
  const copies: SizedCopies['copies'] = []
  for (let n = 0; n < repeats; n++) {
    await rm(dataDir, { recursive: true, force: true })
    await mkdir(dataDir)
    const options = { attachments: 'none' as const }
    const { result, asked } = await mailbox.observe(() =>
      copyWithService(mailbox, { dataDir, cacheDir, nodeOptions, options, signal }),
    )
    checkComplete(databasePath, messages)
    copies.push({ ...result, asked })
    say(`${number(messages, 0)} messages: ${megabytes(result.peakBytes)} MB, ${number(result.seconds, 1)} s`)
  }
  if (readMore) {
    await using service = await RunningService.start(mailbox.simulator, dataDir, { ...surroundings, nodeOptions })
    await readMore(service)
  }
  await using service = await RunningService.start(mailbox.simulator, dataDir, { ...surroundings, nodeOptions })
  const pages = messages > PAGE ? await timePages(service, databasePath, PAGE_REPEATS) : undefined
  await rm(dataDir, { recursive: true })
  return { messages, copies, pages }
}

interface Sized extends SizedCopies {
  peak: number
  seconds: number
}

function summed(sized: SizedCopies): Sized {
  const peak = median(sized.copies.map(({ peakBytes }) => peakBytes ?? Number.NaN))
  const seconds = median(sized.copies.map((copy) => copy.seconds))
  return { ...sized, peak, seconds }
}

function findFor(sizes: readonly Sized[], slow: SlowRead | undefined, { charts, figures }: Findings): void {
  const [smallest, largest] = [sizes.at(0), sizes.at(-1)]
  if (!smallest || !largest) return
  charts.set('memory', {
    kind: 'bar',
    title: 'Peak memory of the service, by the size of the mailbox',
    x: { name: 'messages in the mailbox', values: sizes.map(({ messages }) => number(messages, 0)) },
    y: { name: 'MB' },
    series: [{ name: 'peak', values: sizes.map(({ peak }) => peak / MEGABYTE) }],
    target: { value: 300, name: 'target: below 300 MB' },
  })
  figures.push(
    {
      what: `Peak memory while a mailbox of ${number(largest.messages, 0)} messages is copied`,
      value: `${megabytes(largest.peak)} MB, ${number(largest.peak / smallest.peak, 2)} of that for ${number(smallest.messages, 0)}`,
      target: 'below 300 MB, 1.20 or less',
      part: 'memory',
    },
    {
      what: `Peak memory while all ${number(largest.messages, 0)} are sent to a slow reader`,
      value: `${megabytes(slow?.peakBytes)} MB`,
      target: 'below 300 MB',
      part: 'memory',
    },
  )
  if (!largest.pages) return
  figures.push({
    what: `Last page of ${number(PAGE, 0)} of those, against the first`,
    value: `${number(median(largest.pages.lastMs) / median(largest.pages.firstMs), 2)} of its time`,
    target: 'equal within noise',
    part: 'memory',
  })
}

function report(sizes: readonly Sized[], slow: SlowRead | undefined): string {
  const base = sizes[0]?.peak ?? Number.NaN
  const lines = sizes.map(({ messages, copies, peak, seconds, pages }) => [
    number(messages, 0),
    String(copies.length),
    number(peak / MEGABYTE, 0),
    number(peak / base, 2),
    number(seconds, 1),
    number(messages / seconds, 0),
    spread(pages?.firstMs),
    spread(pages?.lastMs),
  ])
  const head = [
    'messages',
    'runs',
    'peak, MB',
    'of the smallest',
    'seconds',
    'messages/s',
    `first page of ${number(PAGE, 0)}, ms`,
    'last page, ms',
  ]
  return [
    `## Memory by the size of the mailbox`,
    `One mailbox with one folder into SQLite, bodies of ${number(BODY_BYTES / 1000, 0)} kB, a process for each copy. The simulator makes
its pages while they are asked for, on the same cores: the speeds are no measure. Pages are of the stored mail, read back
from a process that has not copied: median of ${PAGE_REPEATS} (min to max).`,
    table(head, lines),
    'Target: the largest within 1.20 of the smallest, and below 300 MB; the last page as fast as the first.',
    ...(slow ? [describeSlowRead(slow, sizes.at(-1)?.messages ?? 0)] : []),
  ].join('\n\n')
}

function describeSlowRead({ slowBytes, residentBytes, restBytes, restSeconds, peakBytes }: SlowRead, messages: number) {
  const speed = SLOWLY.bytes / (SLOWLY.pauseMs / 1000) / MEGABYTE
  const held = residentBytes.length
    ? `${megabytes(residentBytes[0])} MB after the first second, ${megabytes(residentBytes.at(-1))} MB after the last, ${megabytes(Math.max(...residentBytes))} MB at most`
    : 'unknown, for it ended within a second'
  const rest = restSeconds
    ? `The rest, ${megabytes(restBytes)} MB, was read as fast as it came: ${number(restSeconds, 0)} s, ${number(restBytes / MEGABYTE / restSeconds, 0)} MB/s.`
    : 'There was no rest.'
  return [
    `### ${number(messages, 0)} messages as one answer, to a slow reader`,
    `Read at ${number(speed, 1)} MB/s at most, for ${SLOWLY.seconds} s at most (${megabytes(slowBytes)} MB), while the service held: ${held}.
${rest} All messages came. Peak of the process: ${megabytes(peakBytes)} MB (target: below 300).`,
  ].join('\n\n')
}

function spread(values: readonly number[] | undefined): string {
  if (!values) return ''
  return `${number(median(values), 0)} (${number(Math.min(...values), 0)} to ${number(Math.max(...values), 0)})`
}

function megabytes(bytes: number | undefined): string {
  return number(bytes && bytes / MEGABYTE, 0)
}
