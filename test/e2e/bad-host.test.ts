import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import SqliteHandle from 'better-sqlite3'
import { sql } from 'kysely'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { systemClock } from '../../src/clock.ts'
import { runExtraction } from '../../src/copying/run-extraction.ts'
import type { ConnectionId } from '../../src/extractions/extraction.ts'
import { ExtractionCommands } from '../../src/extractions/extraction-commands.ts'
import { DEFAULT_OPTIONS } from '../../src/extractions/options.ts'
import { connectGraph } from '../../src/graph/graph.ts'
import { InProcessEngine } from '../../src/jobs/in-process-engine.ts'
import { openSqlite } from '../../src/storage/dialects/sqlite.ts'
import { migrateToLatest } from '../../src/storage/migrate.ts'
import { SecretBox } from '../../src/storage/secret-box.ts'
import { openStores } from '../../src/storage/stores.ts'
import { assertPerfectCopy } from '../support/copies.ts'
import { MAIN, runCommand, Service, settings, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const LONG = 'long@example.com'

let simulator: Simulator

before(async () => {
  simulator = await startSimulator({ demo: false, mailboxes: [{ name: LONG, messages: 1_000, bodyBytes: 12_000 }] })
})

after(() => simulator.close())

/** Places where nothing can be kept, whoever asks: each makes its settings in a folder of its own. */
const BAD_PLACES: Record<string, (path: string) => [env: NodeJS.ProcessEnv, expected: RegExp]> = {
  'DATABASE_URL that is a folder': (path) => [{ DATABASE_URL: `sqlite:${path}` }, /check DATABASE_URL/],
  'DATABASE_URL below a file': (path) => [
    { DATABASE_URL: `sqlite:${aFile(path)}/mail.db` },
    /DATABASE_URL: no database can be kept at/,
  ],
  'DATABASE_URL with a name that is too long': (path) => [
    { DATABASE_URL: `sqlite:${join(path, 'x'.repeat(300))}` },
    /DATABASE_URL: no database can be kept at/,
  ],
  'DATABASE_URL that is no database': (path) => [
    { DATABASE_URL: `sqlite:${aFile(path)}` },
    /DATABASE_URL names a file that is no sound SQLite database/,
  ],
  'DATABASE_URL that is a database of another program': (path) => [
    { DATABASE_URL: `sqlite:${aForeignDatabase(path)}` },
    /DATABASE_URL names a database of another program/,
  ],
  'DATA_DIR that is a file': (path) => [{ DATA_DIR: aFile(path) }, /DATA_DIR: .* choose another DATA_DIR/],
  'DATA_DIR below a file': (path) => [
    { DATA_DIR: join(aFile(path), 'below') },
    /DATA_DIR: .* choose another DATA_DIR, or set SECRET_KEY/,
  ],
  'key file that is a folder': (path) => {
    mkdirSync(join(path, 'data', 'secret.key'), { recursive: true })
    return [{ DATA_DIR: join(path, 'data') }, /DATA_DIR: the key file .* cannot be read or made \(EISDIR\)/]
  },
  'key file that holds no key': (path) => {
    writeFileSync(join(path, 'secret.key'), 'short\n')
    return [{ DATA_DIR: path }, /secret\.key does not hold 32 bytes in base64/]
  },
}

describe('a bad place', { concurrency: 3 }, () => {
  for (const [place, make] of Object.entries(BAD_PLACES)) {
    test(`a ${place} is said in one line, and nothing starts`, async () => {
      using folder = new TempFolder()
      using elsewhere = new TempFolder()
      const [bad, expected] = make(folder.path)
      const { status, stdout, stderr } = await runCommand(['serve'], { ...settings(simulator, elsewhere), ...bad })
      assert.ok(status === 1 || status === 2, `ended with ${status}`)
      assert.equal(stdout, '')
      assert.match(stderr, expected)
      assert.match(stderr, /^outlookmail: [^\n]+\n$/, 'one line')
    })
  }
})

test('a mailbox that fills the disk fails as storage_full, and goes on to a perfect copy once there is space', async () => {
  using folder = new TempFolder()
  await using database = openSqlite(folder.database)
  await migrateToLatest(database.db)
  const stores = openStores(database, new SecretBox(randomBytes(32)), systemClock)
  const graph = connectGraph({
    graphUrl: simulator.url,
    loginUrl: simulator.url,
    defaults: {
      tenantId: simulator.tenantId,
      clientId: simulator.clientId,
      clientSecret: simulator.clientSecret,
    },
    connection: { ca: simulator.ca },
    clock: systemClock,
  })
  const log = { info() {}, warn() {}, error() {} }
  const engine = new InProcessEngine(
    {
      claims: stores.claims,
      run: (claimed, signals) => {
        const { claims, messages: store } = stores
        return runExtraction(claimed, { provider: graph.mailboxes, store, claims, clock: systemClock, log }, signals)
      },
      listMembers: async () => false,
      clock: systemClock,
      log,
    },
    1,
  )
  const commands = new ExtractionCommands(stores.extractions, engine)
  const connectionId = 'c' as ConnectionId
  const untilIt = (wanted: string) =>
    until(`it to be ${wanted}`, async () => {
      const extraction = await stores.extractions.findLatest(connectionId)
      return extraction?.status === wanted ? extraction : undefined
    })

  await sql`pragma max_page_count = 1000`.execute(database.db) // 4 MB of mail, and then SQLite says that the disk is full
  await engine.start()
  await commands.start({ connectionId, userUpn: LONG, options: DEFAULT_OPTIONS, credentials: {} })
  const failed = await untilIt('failed')
  assert.equal(failed.error?.code, 'storage_full')
  assert.match(failed.error?.message ?? '', /free some space, then continue/)

  await sql`pragma max_page_count = 1000000`.execute(database.db)
  await commands.continue(connectionId)
  await untilIt('completed')
  await engine.stop()
  await graph.close()
  assertPerfectCopy(simulator, folder, LONG)
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
  assertPerfectCopy(simulator, folder, LONG)
})

function aFile(path: string): string {
  const file = join(path, 'file')
  writeFileSync(file, 'This is a file, and no database. '.repeat(200))
  return file
}

function aForeignDatabase(path: string): string {
  const file = join(path, 'foreign.db')
  const database = new SqliteHandle(file)
  database.exec('create table extractions (what text)')
  database.close()
  return file
}
