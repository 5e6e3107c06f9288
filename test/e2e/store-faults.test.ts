import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { sql } from 'kysely'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { systemClock } from '../../src/clock.ts'
import { ByteBudget } from '../../src/copying/byte-budget.ts'
import { runExtraction } from '../../src/copying/run-extraction.ts'
import { MemoryBlobStore } from '../../src/copying/testing/memory-blob-store.ts'
import type { ConnectionId } from '../../src/extractions/extraction.ts'
import { ExtractionCommands } from '../../src/extractions/extraction-commands.ts'
import { DEFAULT_OPTIONS } from '../../src/extractions/options.ts'
import { connectGraph } from '../../src/graph/graph.ts'
import { InProcessEngine } from '../../src/jobs/in-process-engine.ts'
import { openSqlite } from '../../src/storage/dialects/sqlite.ts'
import { migrateToLatest } from '../../src/storage/migrate.ts'
import { SecretBox } from '../../src/storage/secret-box.ts'
import { openStores } from '../../src/storage/stores.ts'
import { assertPerfectCopy, stored } from '../support/copies.ts'
import { MAIN, Service, settings, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const LONG = 'long@example.com'

let simulator: Simulator

before(async () => {
  simulator = await startSimulator({ demo: false, mailboxes: [{ name: LONG, messages: 1_000, bodyBytes: 12_000 }] })
})

after(() => simulator.close())

/** SQLite itself refuses, as it does when the host does; and what an administrator would do about it. */
const REFUSALS = [
  {
    what: 'fills the disk',
    code: 'storage_full',
    sentence: /free some space, then continue/,
    begin: sql`pragma max_page_count = 1000`, // 4 MB of mail, and then SQLite says that the disk is full
    cure: sql`pragma max_page_count = 1000000`,
  },
  {
    what: 'may no longer write the database',
    code: 'storage_readonly',
    sentence: /check the rights of its file and folder/,
    begin: sql`pragma query_only = 1`,
    cure: sql`pragma query_only = 0`,
  },
]

for (const { what, code, sentence, begin, cure } of REFUSALS) {
  test(`a run that ${what} fails as ${code}, and goes on to a perfect copy once that is cured`, async () => {
    using folder = new TempFolder()
    await using database = openSqlite(folder.database)
    await migrateToLatest(database)
    const unwritten = Promise.withResolvers<void>()
    const engine = anEngine(database, () => unwritten.resolve())
    const { commands, untilIt } = engine
    simulator.faults.add({ match: { kind: 'delta', nth: 3 }, effect: { gate: code } })
    await engine.start()
    await commands.start({ connectionId: CONNECTION, userUpn: LONG, options: DEFAULT_OPTIONS, credentials: {} })
    await simulator.gates.whenWaiting(code)
    await until('the first mail', async () => (await stored(folder, LONG)).rows || undefined)
    await begin.execute(database.db)
    simulator.gates.open(code)

    // Where not even the end of the run can be written down, that is tried again until it can.
    const failed = untilIt('failed')
    if (code === 'storage_readonly') {
      await unwritten.promise
      await cure.execute(database.db)
    }
    const { error } = await failed
    assert.equal(error?.code, code)
    assert.match(error?.message ?? '', sentence)
    assert.ok((await stored(folder, LONG)).rows > 0, 'what was stored stays')

    await cure.execute(database.db)
    await commands.continue(CONNECTION)
    await untilIt('completed')
    await engine.stop()
    await assertPerfectCopy(simulator, folder, LONG)
  })
}

test('a database that another program keeps locked fails the run in plain words; once it is free, the run goes on', async () => {
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  simulator.faults.add({ match: { kind: 'delta', nth: 3 }, effect: { gate: 'locked' } })
  await service.client.start('c', { user_upn: LONG })
  await simulator.gates.whenWaiting('locked')

  using holder = spawn(process.execPath, ['-e', HOLD_LOCK, folder.database], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  simulator.gates.open('locked')
  await until('the refusal', async () => {
    await service.client.health()
    return /end of the extraction not written/.test(service.output) || undefined
  })
  holder.stdin.end()
  await once(holder, 'exit')

  const failed = await untilStatus(service.client, 'c', 'failed')
  assert.equal(failed.error_code, 'database_in_use')
  assert.match(failed.error ?? '', /close it, then try again/)
  await service.client.continue('c')
  await untilStatus(service.client, 'c', 'completed')
  await assertPerfectCopy(simulator, folder, LONG)
})

test('a disk that takes no more loses nothing: the service can be stopped, and the next one goes on', async () => {
  using folder = new TempFolder()
  const env = { ...settings(simulator, folder), LOG_LEVEL: 'warn' } // a refusal of the disk is a foreseen failure
  // No file may grow beyond 2 MB (blocks of 512 bytes): a disk that is full for this process alone.
  const limited = spawn('sh', ['-c', 'ulimit -f 4096; exec "$0" "$@"', process.execPath, MAIN, 'serve'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const service = await Service.of(limited)
  await service.client.start('c', { user_upn: LONG })
  await until('the disk to refuse', async () => {
    await service.client.status('c')
    return /"code":"(database_unavailable|storage_full)"/.test(service.output) || undefined
  })
  assert.equal((await service.client.health()).status, 'ok')
  assert.equal(await service.stop('SIGTERM'), 0)
  assert.doesNotMatch(service.output, /internal_error|unforeseen/)

  await using next = await Service.start(simulator, folder)
  const { status } = await untilStatus(next.client, 'c', 'completed', 'failed')
  if (status === 'failed') await next.client.continue('c')
  await untilStatus(next.client, 'c', 'completed')
  await assertPerfectCopy(simulator, folder, LONG)
})

/** Holds the lock of the writer until its input ends. */
const HOLD_LOCK = `
  const database = new (require('better-sqlite3'))(process.argv[1])
  database.exec('begin immediate')
  console.log('locked')
  process.stdin.on('data', () => {}).on('end', () => process.exit(0))`

const CONNECTION = 'c' as ConnectionId

/** The real engine in this process, where a test can reach the database's own switches. */
function anEngine(database: ReturnType<typeof openSqlite>, onUnwritten: () => void) {
  const stores = openStores(database, new SecretBox(randomBytes(32)), systemClock)
  const { tenantId, clientId, clientSecret } = simulator
  const graph = connectGraph({
    graphUrl: simulator.url,
    loginUrl: simulator.url,
    defaults: { tenantId, clientId, clientSecret },
    connection: { ca: simulator.ca },
    clock: systemClock,
  })
  const log = { info() {}, warn() {}, error: onUnwritten }
  const { claims, messages: store, contents } = stores
  const blobs = new MemoryBlobStore()
  const budget = new ByteBudget(1_000_000)
  const engine = new InProcessEngine(
    {
      claims,
      run: (claimed, signals) =>
        runExtraction(
          claimed,
          { provider: graph.mailboxes, store, contents, blobs, budget, claims, clock: systemClock, log },
          signals,
        ),
      listMembers: async () => false,
      clock: systemClock,
      log,
    },
    1,
  )
  return {
    commands: new ExtractionCommands(stores.extractions, engine),
    start: () => engine.start(),
    stop: async () => {
      await engine.stop()
      await graph.close()
    },
    untilIt: (wanted: string) =>
      until(`it to be ${wanted}`, async () => {
        const extraction = await stores.extractions.findLatest(CONNECTION)
        return extraction?.status === wanted ? extraction : undefined
      }),
  }
}
