import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PostgresServer, TempPostgres } from '../test/support/postgres.ts'
import { COLUMNS } from './floor-rows.ts'
import type { FloorResult } from './floor-walk.ts'
import type { PostgresFloorTask } from './postgres-floor.ts'
import { Program } from './processes.ts'
import { type Copy, copyWithService } from './service.ts'
import { type Asked, SimulatedMailbox } from './simulated-mailbox.ts'
import type { Settings, Surroundings } from './surroundings.ts'
import { type Figure, median, number, spreadTable } from './table.ts'

const FLOOR = fileURLToPath(new URL('postgres-floor.ts', import.meta.url))

const MEGABYTE = 1_000_000

interface Run {
  us: Copy & { asked: Asked }
  floor: FloorResult & { asked: Asked }
}

/** One mailbox into Postgres: how near our service comes to the least program that could do it. */
export async function versusPostgresFloor(settings: Settings, surroundings: Surroundings): Promise<string> {
  const { messages, runs } = settings
  const { folder, signal, say } = surroundings
  say(`preparing ${messages} messages`)
  await using server = await PostgresServer.start(true)
  await using mailbox = await SimulatedMailbox.open(messages, { folder, signal })
  const counted: Run[] = []
  for (let count = 0; count <= runs; count++) {
    const run = await runPair(server, mailbox, settings, surroundings)
    const isCounted = count > 0
    if (isCounted) counted.push(run)
    say(`${isCounted ? `run ${count} of ${runs}` : 'rehearsal, not counted'}: ${number(ratioOf(run), 2)} of the floor`)
  }
  return report(counted, messages, surroundings)
}

async function runPair(
  server: PostgresServer,
  mailbox: SimulatedMailbox,
  { nodeOptions }: Settings,
  { folder, signal }: Surroundings,
): Promise<Run> {
  await using ours = await TempPostgres.create(server)
  await using floors = await TempPostgres.create(server)
  const dataDir = await mkdtemp(join(folder, 'postgres-'))
  const cacheDir = join(folder, 'compile-cache')
  await mkdir(cacheDir, { recursive: true })

  // What was written before is on the disk: it disturbs neither.
  await ours.query('checkpoint')
  const us = await mailbox.observe(() =>
    copyWithService(mailbox, {
      dataDir,
      cacheDir,
      nodeOptions,
      settings: { DATABASE_URL: ours.url },
      options: { attachments: 'none' },
      signal,
    }),
  )
  const folderId = await checkComplete(ours, mailbox.messages)

  await floors.query('checkpoint')
  const task = { login: mailbox.login, firstPage: mailbox.firstPage, folderId, databaseUrl: floors.url }
  const floor = await mailbox.observe(() => copyWithFloor(mailbox, task, dataDir, signal))
  await checkEqual(ours, floors)
  await rm(dataDir, { recursive: true })
  return { us: { ...us.result, asked: us.asked }, floor: { ...floor.result, asked: floor.asked } }
}

async function copyWithFloor(
  { simulator }: SimulatedMailbox,
  task: PostgresFloorTask,
  cwd: string,
  signal: AbortSignal,
): Promise<FloorResult> {
  const env = { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: simulator.facts.ca_file }
  await using program = new Program([FLOOR, JSON.stringify(task)], { cwd, env, signal })
  return await program.line((line) => (line.startsWith('{"seconds"') ? (JSON.parse(line) as FloorResult) : undefined))
}

/** Throws unless the database holds so many messages, none twice; answers the folder they lie in. */
async function checkComplete(database: TempPostgres, messages: number): Promise<string> {
  const [stored] = await database.query<{ rows: number; ids: number; folder: string }>(
    `select count(*)::int as rows, count(distinct id)::int as ids, max(parent_folder_id) as folder from emails`,
  )
  if (stored?.rows === messages && stored.ids === messages) return stored.folder
  throw new Error(`The copy holds ${stored?.rows} messages with ${stored?.ids} ids, not ${messages}`)
}

/** Throws unless both hold the same mail, in every column: then both did the same work. */
async function checkEqual(one: TempPostgres, other: TempPostgres): Promise<void> {
  const [ofOne, ofOther] = await Promise.all([hashOf(one), hashOf(other)])
  if (ofOne !== ofOther) throw new Error('Our copy and that of the floor differ')
}

async function hashOf(database: TempPostgres): Promise<string | undefined> {
  const [row] = await database.query<{ hash: string }>(
    `select md5(string_agg(md5(mail::text), '' order by mail.id)) as hash
      from (select ${COLUMNS.join(', ')} from emails) as mail`,
  )
  return row?.hash
}

function ratioOf({ us, floor }: Run): number {
  return floor.seconds / us.seconds
}

function report(runs: readonly Run[], messages: number, { findings }: Surroundings): string {
  const figure = (name: string, digits: number, value: (run: Run) => number | undefined, target?: string): Figure => ({
    name,
    digits,
    values: runs.map(value),
    ...(target !== undefined && { target }),
  })
  findings.figures.push({
    what: `Speed of one mailbox of ${number(messages, 0)} messages into Postgres, against the floor`,
    value: `${number(median(runs.map(ratioOf)), 2)} (${number(median(runs.map(({ us }) => messages / us.seconds)), 0)} messages/s)`,
    target: '0.80 or more',
    part: 'postgres',
  })
  return [
    `## One mailbox of ${number(messages, 0)} messages into Postgres, against the floor`,
    `A server of its own on this machine, with \`fsync\` on. The floor is that of SQLite but for the database: one \`unnest\` statement
a page, one transaction a page. No latency, no limits, one process.`,
    spreadTable([
      figure('us, messages/s', 0, ({ us }) => messages / us.seconds),
      figure('floor, messages/s', 0, ({ floor }) => messages / floor.seconds),
      figure('us / floor', 2, ratioOf, '0.80 or more'),
      figure('our peak memory, MB', 0, ({ us }) => us.peakBytes && us.peakBytes / MEGABYTE, 'below 300'),
      figure('our requests per 1,000', 1, ({ us }) => (us.asked.requests / messages) * 1000, '8 or less'),
      figure('our CPU, ms per 1,000', 0, ({ us }) => us.cpuSeconds && (us.cpuSeconds / messages) * 1e6),
      figure("floor's CPU, ms per 1,000", 0, ({ floor }) => (floor.cpuSeconds / messages) * 1e6),
      figure('all CPU with us, ms per 1,000', 0, ({ us }) => (us.busySeconds / messages) * 1e6),
      figure('all CPU with the floor, ms per 1,000', 0, ({ floor }) => (floor.busySeconds / messages) * 1e6),
      figure('cores busy with us', 2, ({ us }) => us.busySeconds / us.seconds),
      figure('cores busy with the floor', 2, ({ floor }) => floor.busySeconds / floor.seconds),
      figure("simulator's CPU / our time", 2, ({ us }) => us.asked.cpuSeconds / us.seconds),
      figure("simulator's CPU / floor's time", 2, ({ floor }) => floor.asked.cpuSeconds / floor.seconds),
      figure('slowest answer of our API meanwhile, ms', 0, ({ us }) => us.slowestAnswerMs),
    ]),
    'What is in "all CPU" beside the program is Postgres, the simulator and whatever else ran.',
  ].join('\n\n')
}
