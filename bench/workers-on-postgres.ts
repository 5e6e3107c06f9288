import { setTimeout as delay } from 'node:timers/promises'
import { PostgresServer } from '../test/support/postgres.ts'
import { busySeconds, type Program, usageOf } from './processes.ts'
import { SimulatorProgram } from './simulator-program.ts'
import type { Settings, Surroundings } from './surroundings.ts'
import { number, spreadTable, table } from './table.ts'
import { WorkerFleet } from './worker-fleet.ts'

const MAILBOXES = 20
const LARGE_BATCH = 100_000
const BODY_BYTES = 6_000
/** Of an answer, where a worker is killed: pages come one by one, so that the next one tells when work goes on. */
const SLOW_ANSWER_MS = 300
const TAKEOVER_POLL_MS = 5

/** Workers that share a Postgres server on this machine, with the simulator on it as well. */
export async function workersOnPostgres(settings: Settings, surroundings: Surroundings): Promise<string> {
  await using server = await PostgresServer.start(true)
  const sections = [
    await throughput(server, settings, surroundings),
    await takeover(server, settings, surroundings),
    await tinyExtractions(server, settings, surroundings),
    await largeBatch(server, surroundings),
  ]
  return ['## Workers on Postgres', ...sections].join('\n\n')
}

interface BatchRun {
  seconds: number
  databaseBytes: number
  busySeconds: number
  workersCpuSeconds: number
}

async function throughput(server: PostgresServer, settings: Settings, surroundings: Surroundings): Promise<string> {
  const each = Math.ceil(settings.messages / MAILBOXES)
  const userUpns = Array.from({ length: MAILBOXES }, (_, n) => `shared${n}@example.com`)
  await using simulator = await openSimulator(userUpns, each, surroundings)

  const run = async (count: number): Promise<BatchRun> => {
    await using fleet = await WorkerFleet.open(server, simulator, surroundings)
    const workers: Program[] = []
    for (let n = 0; n < count; n++) workers.push(await fleet.startWorker())
    const busyBefore = busySeconds()
    const cpuBefore = await cpuOf(workers)
    const seconds = await fleet.copyBatch(userUpns)
    const busy = busySeconds() - busyBefore
    const [size] = await fleet.database.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes')
    return {
      seconds,
      databaseBytes: Number(size?.bytes),
      busySeconds: busy,
      workersCpuSeconds: (await cpuOf(workers)) - cpuBefore,
    }
  }
  await run(1) // makes the simulator's pages
  const pairs: { one: BatchRun; two: BatchRun }[] = []
  for (let n = 1; n <= settings.runs; n++) {
    const pair = { one: await run(1), two: await run(2) }
    pairs.push(pair)
    surroundings.say(
      `run ${n} of ${settings.runs}: two workers ${number(pair.one.seconds / pair.two.seconds, 2)} times as fast as one`,
    )
  }
  const messages = each * MAILBOXES
  return [
    `### Messages per second: ${MAILBOXES} mailboxes of ${number(each, 0)} messages`,
    spreadTable([
      { name: '1 worker, messages/s', digits: 0, values: pairs.map(({ one }) => messages / one.seconds) },
      { name: '2 workers, messages/s', digits: 0, values: pairs.map(({ two }) => messages / two.seconds) },
      { name: '2 workers / 1 worker', digits: 2, values: pairs.map(({ one, two }) => one.seconds / two.seconds) },
      { name: 'cores busy with 1', digits: 2, values: pairs.map(({ one }) => one.busySeconds / one.seconds) },
      { name: 'cores busy with 2', digits: 2, values: pairs.map(({ two }) => two.busySeconds / two.seconds) },
      {
        name: "workers' CPU, ms per 1,000",
        digits: 0,
        values: pairs.map(({ two }) => (two.workersCpuSeconds / messages) * 1e6),
      },
      {
        name: 'database, kB a message',
        digits: 1,
        values: pairs.map(({ two }) => two.databaseBytes / messages / 1_000),
      },
      {
        name: 'all CPU, ms per 1,000',
        digits: 0,
        values: pairs.map(({ two }) => (two.busySeconds / messages) * 1e6),
      },
    ]),
  ].join('\n\n')
}

async function takeover(server: PostgresServer, settings: Settings, surroundings: Surroundings): Promise<string> {
  const { signal } = surroundings
  const userUpn = 'slow@example.com'
  await using simulator = await openSimulator([userUpn], 50_000, surroundings, ['--latency', String(SLOW_ANSWER_MS)])
  const seconds: number[] = []
  for (let n = 0; n < settings.runs; n++) {
    await using fleet = await WorkerFleet.open(server, simulator, surroundings)
    const storedNow = async () => {
      const record = await fleet.client.status('c')
      return record.status === 'not_started' ? 0 : record.progress.messages_stored
    }
    const moreThan = async (count: number) => {
      for (;;) {
        const stored = await storedNow()
        if (stored > count) return stored
        await delay(TAKEOVER_POLL_MS, undefined, { signal })
      }
    }
    const first = await fleet.startWorker()
    await fleet.client.start('c', { user_upn: userUpn, options: { attachments: 'none' } })
    await moreThan(0)
    await fleet.startWorker()
    await first.kill()
    const killedAt = performance.now()
    await moreThan(await storedNow())
    seconds.push((performance.now() - killedAt) / 1000)
    surroundings.say(`killed: the next page after ${number(seconds.at(-1), 1)} s`)
  }
  return [
    `### From \`kill -9\` to the next page by another worker (answers take ${SLOW_ANSWER_MS} ms)`,
    spreadTable([{ name: 'seconds', digits: 1, values: seconds, target: '15 or less' }]),
  ].join('\n\n')
}

async function tinyExtractions(
  server: PostgresServer,
  { tiny }: Settings,
  surroundings: Surroundings,
): Promise<string> {
  const userUpns = Array.from({ length: tiny }, (_, n) => `tiny${n}@example.com`)
  await using simulator = await openSimulator(userUpns, 1, surroundings)
  await using fleet = await WorkerFleet.open(server, simulator, surroundings)
  for (let n = 0; n < 2; n++) await fleet.startWorker()
  surroundings.say(`copying ${number(tiny, 0)} mailboxes of one message`)
  const seconds = await fleet.copyBatch(userUpns)
  const [counts] = await fleet.database.query<{ extractions: number; twice: number; emails: number }>(
    `select count(*)::int as extractions, (count(*) filter (where epoch <> 1))::int as twice,
      (select count(*)::int from emails) as emails from extractions`,
  )
  return [
    `### ${number(tiny, 0)} extractions of one message each, 2 workers`,
    `${number(tiny / seconds, 0)} extractions/s · ${number(counts?.twice, 0)} of ${number(counts?.extractions, 0)} begun more than once · ${number(counts?.emails, 0)} emails stored`,
  ].join('\n\n')
}

/** Nobody copies here: what is measured is the queue. */
async function largeBatch(server: PostgresServer, surroundings: Surroundings): Promise<string> {
  await using simulator = await openSimulator([], 0, surroundings)
  await using fleet = await WorkerFleet.open(server, simulator, surroundings)
  const userUpns = Array.from({ length: LARGE_BATCH }, (_, n) => `member${n}@example.com`)
  const before = await usageOf(fleet.api.pid)
  const timed = async <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
    const startedAt = performance.now()
    const result = await work()
    seconds[name] = (performance.now() - startedAt) / 1000
    surroundings.say(`${name}: ${number(seconds[name], 1)} s`)
    return result
  }
  const seconds: Record<string, number> = {}
  const { batch_id } = await timed('start', () => fleet.client.startBatch({ user_upns: userUpns }))
  await timed('pause', () => fleet.client.pauseBatch(batch_id))
  await timed('continue', () => fleet.client.continueBatch(batch_id))
  await timed('status', () => fleet.client.batchStatus(batch_id))
  await timed('cancel', () => fleet.client.cancelBatch(batch_id))
  const after = await usageOf(fleet.api.pid)
  return [
    `### A batch of ${number(LARGE_BATCH, 0)} members`,
    table(
      ['', 'seconds'],
      Object.entries(seconds).map(([name, value]) => [name, number(value, 2)]),
    ),
    `The API's peak memory: ${megabytes(before.peakBytes)} MB before, ${megabytes(after.peakBytes)} MB after.`,
  ].join('\n\n')
}

function megabytes(bytes: number | undefined): string {
  return number(bytes && bytes / 1e6, 0)
}

function openSimulator(
  userUpns: readonly string[],
  messages: number,
  { folder, signal }: Surroundings,
  more: readonly string[] = [],
): Promise<SimulatorProgram> {
  const mailboxes = userUpns.flatMap((userUpn) => ['--mailbox', `${userUpn}=${messages}`])
  const world = ['--prepared', '--no-limits', '--body-bytes', String(BODY_BYTES), ...more, ...mailboxes]
  return SimulatorProgram.start(world, { folder, signal })
}

async function cpuOf(programs: readonly Program[]): Promise<number> {
  const usages = await Promise.all(programs.map(({ pid }) => usageOf(pid)))
  return usages.reduce((sum, { cpuSeconds }) => sum + (cpuSeconds ?? Number.NaN), 0)
}
