import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import SqliteHandle from 'better-sqlite3'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { runCommand, settings, TempFolder } from '../support/service.ts'

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
  'BLOB_STORE below a file': (path) => [
    { BLOB_STORE: `file:${aFile(path)}/blobs` },
    /The blobs in .* cannot be read or written \(ENOTDIR\): check the disk and BLOB_STORE/,
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
