import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkComplete } from './check-copies.ts'
import type { Findings } from './findings.ts'
import { type Copy, copyWithService } from './service.ts'
import { type Asked, SimulatedMailbox } from './simulated-mailbox.ts'
import type { Settings, Surroundings } from './surroundings.ts'
import { type Figure, median, number, spreadTable, table } from './table.ts'
import { copyWithFloor } from './versus-floor.ts'

const REQUEST_MS = 150
const MESSAGE_MS = 1.5
/** Of Graph as the bench imagines it: slow, and with its limits. */
export const GRAPH_RULES = ['--latency', String(REQUEST_MS), '--latency-per-message', String(MESSAGE_MS)]

/** As many requests as Graph serves at once for one mailbox. */
const IN_FLIGHT = 4
const FOLDERS = 40
const PAGE_SIZES = [50, 200, 500, 1000]

type Run = Copy & { asked: Asked }

/** What is left of Graph's latency once its four requests at once are used as well as can be: in one folder, and in many. */
export async function versusLatency(settings: Settings, surroundings: Surroundings): Promise<string> {
  const { messages } = settings
  return [
    '## With the latency and the limits of Graph',
    `Every answer takes ${REQUEST_MS} ms and ${MESSAGE_MS} ms more for each message in it, or a tenth of that for a message without its body;
${IN_FLIGHT} requests at once, 10,000 in ten minutes. *Ideal* is the time in which all our requests would be answered if there were always
${IN_FLIGHT} of them under way.`,
    await oneFolder(settings, surroundings),
    await manyFolders(messages, settings, surroundings),
  ].join('\n\n')
}

async function oneFolder(settings: Settings, surroundings: Surroundings): Promise<string> {
  const { folder, signal, say, findings } = surroundings
  const { messages } = settings
  say(`preparing ${messages} messages in one folder`)
  await using mailbox = await SimulatedMailbox.open(messages, { folder, signal, rules: GRAPH_RULES })
  const chainSeconds = await copyByChain(mailbox, bestPageSize(messages), surroundings)
  const runs = await copies(mailbox, settings, surroundings)
  findFor('one folder', runs, messages, findings)
  const sizes = PAGE_SIZES.map((size) => [number(size, 0), number(chainLatency(messages, size), 1)])
  return [
    `### ${number(messages, 0)} messages in one folder`,
    spreadTable([
      ...figuresOf(runs, messages),
      figure(runs, 'us / plain chain', 2, ({ seconds }) => seconds / chainSeconds, '0.40 or less'),
    ]),
    `The plain chain (the floor's one walk by delta, with bodies, ${bestPageSize(messages)} messages a page) took ${number(chainSeconds, 1)} s. The latency alone of such a chain, by the
size of its pages:`,
    table(['messages a page', 'seconds'], sizes),
  ].join('\n\n')
}

async function manyFolders(messages: number, settings: Settings, surroundings: Surroundings): Promise<string> {
  const { folder, signal, say, findings } = surroundings
  say(`preparing ${messages} messages in ${FOLDERS} folders`)
  await using mailbox = await SimulatedMailbox.open(messages, { folder, signal, folders: FOLDERS, rules: GRAPH_RULES })
  const runs = await copies(mailbox, settings, surroundings)
  findFor(`${FOLDERS} folders`, runs, messages, findings)
  return [
    `### ${number(messages, 0)} messages in ${FOLDERS} folders, from large to small`,
    spreadTable(figuresOf(runs, messages)),
  ].join('\n\n')
}

/** In the first, which is not counted, the simulator makes what pages it has not prepared. */
async function copies(
  mailbox: SimulatedMailbox,
  { runs, nodeOptions }: Settings,
  { folder, signal, say }: Surroundings,
): Promise<Run[]> {
  const counted: Run[] = []
  for (let count = 0; count <= runs; count++) {
    const dataDir = join(folder, 'data')
    await mkdir(dataDir)
    const place = { dataDir, cacheDir: join(folder, 'compile-cache'), nodeOptions, signal }
    const copy = () => copyWithService(mailbox, { ...place, options: { attachments: 'none' } })
    const { result, asked } = await mailbox.observe(copy)
    checkComplete(join(dataDir, 'outlookmail.db'), mailbox.messages)
    await rm(dataDir, { recursive: true })
    const run = { ...result, asked }
    const name = count === 0 ? 'rehearsal, not counted' : `run ${count} of ${runs}`
    say(`${name}: ${number(run.seconds, 1)} s, ${number(run.seconds / idealSeconds(run), 2)} of the ideal`)
    if (count > 0) counted.push(run)
  }
  return counted
}

async function copyByChain(
  mailbox: SimulatedMailbox,
  pageSize: number,
  { folder, signal, say }: Surroundings,
): Promise<number> {
  const databasePath = join(folder, 'chain.db')
  const { login, firstPage, messages } = mailbox
  const task = { login, firstPage, folderId: 'inbox', databasePath, pageSize, bare: false }
  const { seconds } = await copyWithFloor(mailbox, task, folder, signal)
  checkComplete(databasePath, messages)
  await rm(databasePath)
  say(`plain chain, ${pageSize} messages a page: ${number(seconds, 1)} s`)
  return seconds
}

/** Two bars beside those that the chart already has, and a figure. */
function findFor(where: string, runs: readonly Run[], messages: number, { charts, figures }: Findings): void {
  const ratio = median(runs.map((run) => run.seconds / idealSeconds(run)))
  const pair = [median(runs.map(({ seconds }) => seconds)), median(runs.map(idealSeconds))]
  const before = charts.get('latency')
  charts.set('latency', {
    kind: 'bar',
    title: `${number(messages, 0)} messages with Graph's latency and limits`,
    x: { name: 'where the messages lie', values: [...(before?.x.values ?? []), where] },
    y: { name: 'seconds', digits: 1 },
    series: ['copied by us', 'ideal: always four requests under way'].map((name, index) => ({
      name,
      values: [...(before?.series[index]?.values ?? []), pair[index]],
    })),
  })
  figures.push({
    what: `Time of ${number(messages, 0)} messages in ${where} with Graph's latency, against the ideal`,
    value: number(ratio, 2),
    target: '1.10 or less',
    part: 'latency',
  })
}

function bestPageSize(messages: number): number {
  const [best = 1] = PAGE_SIZES.toSorted((one, other) => chainLatency(messages, one) - chainLatency(messages, other))
  return best
}

/** Seconds that a walk waits whose pages follow each other. */
function chainLatency(messages: number, pageSize: number): number {
  return (Math.ceil(messages / pageSize) * REQUEST_MS + messages * MESSAGE_MS) / 1000
}

function idealSeconds({ asked }: Run): number {
  return asked.latencySeconds / IN_FLIGHT
}

function figuresOf(runs: readonly Run[], messages: number): Figure[] {
  return [
    figure(runs, 'us, s', 1, ({ seconds }) => seconds),
    figure(runs, 'ideal, s', 1, idealSeconds),
    figure(runs, 'us / ideal', 2, (run) => run.seconds / idealSeconds(run), '1.10 or less'),
    figure(runs, 'our requests per 1,000', 1, ({ asked }) => (asked.requests / messages) * 1000),
    figure(runs, 'most in flight', 0, ({ asked }) => asked.maxInFlight, `${IN_FLIGHT} or less`),
    figure(runs, 'requests above a limit', 0, ({ asked }) => asked.violations, '0'),
    figure(runs, 'our CPU / our time', 2, ({ cpuSeconds, seconds }) => cpuSeconds && cpuSeconds / seconds),
    figure(runs, "simulator's CPU / our time", 2, ({ asked, seconds }) => asked.cpuSeconds / seconds),
    figure(runs, 'our peak memory, MB', 0, ({ peakBytes }) => peakBytes && peakBytes / 1e6),
  ]
}

function figure(
  runs: readonly Run[],
  name: string,
  digits: number,
  value: (run: Run) => number | undefined,
  target?: string,
): Figure {
  return { name, digits, values: runs.map(value), ...(target !== undefined && { target }) }
}
