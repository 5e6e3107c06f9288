import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkComplete, checkEqual } from './check-copies.ts'
import type { FloorTask } from './floor.ts'
import type { FloorResult } from './floor-walk.ts'
import { Program } from './processes.ts'
import { type Copy, copyWithService, type ServicePlace } from './service.ts'
import { type Asked, SimulatedMailbox } from './simulated-mailbox.ts'
import { othersShare, type Settings, type Surroundings } from './surroundings.ts'
import { type Figure, median, number, runTable, spreadTable } from './table.ts'

const FLOOR = fileURLToPath(new URL('floor.ts', import.meta.url))

const MEGABYTE = 1_000_000

/** Above it the floor waits for the simulator, and the ratio would flatter us. */
const MOST_OF_A_CORE = 0.7

interface Run {
  us: Copy & { asked: Asked }
  floor: FloorResult & { asked: Asked }
  bareFloor: FloorResult | undefined
}

/** One mailbox into SQLite, without latency and limits: how near our service comes to the least program that could do it. */
export async function versusFloor(
  settings: Settings,
  { folder, signal, say, findings }: Surroundings,
): Promise<string> {
  const { messages, runs, bareFloor, nodeOptions } = settings
  say(`preparing ${messages} messages`)
  await using mailbox = await SimulatedMailbox.open(messages, { folder, signal })

  const runOnce = async (name: string) => {
    const dataDir = join(folder, 'data')
    await mkdir(dataDir)
    const cacheDir = join(folder, 'compile-cache')
    const run = await runPair(mailbox, bareFloor, {
      dataDir,
      cacheDir,
      nodeOptions,
      options: { attachments: 'none' },
      signal,
    })
    await rm(dataDir, { recursive: true })
    say(`${name}: ${number(ratioOf(run), 2)} of the floor`)
    return run
  }
  const first = await runOnce('rehearsal, not counted')
  const counted: Run[] = []
  for (let count = 1; count <= runs; count++) counted.push(await runOnce(`run ${count} of ${runs}`))
  findings.figures.push(
    {
      what: `Speed of one mailbox of ${number(messages, 0)} messages into SQLite, against the floor`,
      value: `${number(median(counted.map(ratioOf)), 2)} (${number(median(counted.map(({ us }) => messages / us.seconds)), 0)} messages/s)`,
      target: '0.85 or more',
      part: 'pages',
    },
    {
      what: 'Requests to Graph for 1,000 of those messages',
      value: number(median(counted.map(({ us }) => (us.asked.requests / messages) * 1000)), 1),
      target: '8 or less',
      part: 'pages',
    },
  )
  return report(counted, first, messages)
}

async function runPair(mailbox: SimulatedMailbox, bareFloor: boolean, place: ServicePlace): Promise<Run> {
  const { dataDir, signal } = place
  const us = await mailbox.observe(() => copyWithService(mailbox, place))
  const ours = join(dataDir, 'outlookmail.db')
  const folderId = checkComplete(ours, mailbox.messages)

  const runFloor = async (bare: boolean) => {
    const databasePath = join(dataDir, `floor${bare ? '-bare' : ''}.db`)
    const task = {
      login: mailbox.login,
      firstPage: mailbox.firstPage,
      folderId,
      databasePath,
      bare,
    }
    const { result, asked } = await mailbox.observe(() => copyWithFloor(mailbox, task, dataDir, signal))
    checkEqual(ours, databasePath)
    return { ...result, asked }
  }
  return {
    us: { ...us.result, asked: us.asked },
    floor: await runFloor(false),
    bareFloor: bareFloor ? await runFloor(true) : undefined,
  }
}

export async function copyWithFloor(
  { simulator }: SimulatedMailbox,
  task: FloorTask,
  cwd: string,
  signal: AbortSignal,
): Promise<FloorResult> {
  const env = { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: simulator.facts.ca_file }
  await using program = new Program([FLOOR, JSON.stringify(task)], { cwd, env, signal })
  return await program.line((line) => (line.startsWith('{"seconds"') ? (JSON.parse(line) as FloorResult) : undefined))
}

function ratioOf({ us, floor }: Run): number {
  return floor.seconds / us.seconds
}

function report(runs: readonly Run[], first: Run, messages: number): string {
  const figure = (name: string, digits: number, value: (run: Run) => number | undefined, target?: string): Figure => ({
    name,
    digits,
    values: runs.map(value),
    ...(target !== undefined && { target }),
  })
  const figures = [
    figure('us, messages/s', 0, ({ us }) => messages / us.seconds),
    figure('floor, messages/s', 0, ({ floor }) => messages / floor.seconds),
    figure('us / floor', 2, ratioOf, '0.85 or more'),
    figure('us / bare floor', 2, ({ us, bareFloor }) => bareFloor && bareFloor.seconds / us.seconds),
    figure('our peak memory, MB', 0, ({ us }) => us.peakBytes && us.peakBytes / MEGABYTE, 'below 300'),
    figure('our requests per 1,000', 1, ({ us }) => (us.asked.requests / messages) * 1000, '8 or less'),
    figure('our CPU, ms per 1,000', 0, ({ us }) => us.cpuSeconds && (us.cpuSeconds / messages) * 1e6),
    figure('slowest answer of our API meanwhile, ms', 0, ({ us }) => us.slowestAnswerMs),
    figure('event-loop delay p50, ms', 0, ({ us }) => us.eventLoopDelayMs.p50),
    figure('event-loop delay p99, ms', 0, ({ us }) => us.eventLoopDelayMs.p99, 'below 50'),
    figure('event-loop delay max, ms', 0, ({ us }) => us.eventLoopDelayMs.max),
    figure("floor's CPU, ms per 1,000", 0, ({ floor }) => (floor.cpuSeconds / messages) * 1e6),
    figure("simulator's CPU / our time", 2, ({ us }) => us.asked.cpuSeconds / us.seconds),
    figure("simulator's CPU / floor's time", 2, shareOfCore, `${MOST_OF_A_CORE} or less`),
    figure("others' CPU / our time", 2, ({ us }) => us.cpuSeconds && othersShare({ ...us, cpuSeconds: us.cpuSeconds })),
    figure("others' CPU / floor's time", 2, ({ floor }) => othersShare(floor), '0 is best'),
  ].filter(({ values }) => values.some((value) => value !== undefined))

  return [
    `## One mailbox of ${number(messages, 0)} messages into SQLite, against the floor`,
    'No latency, no limits, one process. What the floor does and does not do: [README.md](README.md).',
    spreadTable(figures),
    verdict(median(runs.map(shareOfCore))),
    `1 MB is 1,000,000 bytes. The first start of all, which also strips the types of our
sources, peaked at ${number(first.us.peakBytes && first.us.peakBytes / MEGABYTE, 0)} MB; it is not in the table.`,
    runTable(figures),
  ].join('\n\n')
}

function verdict(share: number): string {
  return share > MOST_OF_A_CORE
    ? `**The simulator used ${number(share, 2)} of a core while the floor ran: the ratio says nothing.**`
    : `The simulator used ${number(share, 2)} of a core while the floor ran: it is not what was measured.`
}

function shareOfCore({ floor }: Run): number {
  return floor.asked.cpuSeconds / floor.seconds
}
