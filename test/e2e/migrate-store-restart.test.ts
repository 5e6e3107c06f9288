import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { after, test } from 'node:test'
import SqliteHandle from 'better-sqlite3'
import { Client } from 'pg'
import { startSimulator } from '../../simulator/simulator.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { TABLES } from '../../src/storage/tables.ts'
import { TempPostgres } from '../support/postgres.ts'
import {
  type CommandResult,
  ended,
  runCommand,
  Service,
  settings,
  startCommand,
  TempFolder,
} from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const MAILBOX = 'long@example.com'
const MESSAGES = 300

/** A store of some ten batches, which no test changes. */
const simulator = await startSimulator({
  demo: false,
  mailboxes: [{ name: MAILBOX, messages: MESSAGES, bodyBytes: 100_000 }],
})
const folder = new TempFolder()
after(async () => {
  folder[Symbol.dispose]()
  await simulator[Symbol.asyncDispose]()
})
{
  await using service = await Service.start(simulator, folder)
  await service.client.start('c', { user_upn: MAILBOX })
  await untilStatus(service.client, 'c', 'completed')
  await service.stop()
}
const FROM = `sqlite:${folder.database}`

/** The command, with the password where nobody can see it. */
function startMigration({ url }: TempPostgres): ChildProcess {
  return startCommand(['migrate-store', '--from', FROM], { ...settings(simulator, folder), DATABASE_URL: url })
}

function migrate(database: TempPostgres): Promise<CommandResult> {
  return ended(startMigration(database))
}

/** A target on which the migration can be made to stand still. */
class HeldTarget implements AsyncDisposable {
  readonly database: TempPostgres
  readonly #client: Client

  private constructor(database: TempPostgres, client: Client) {
    this.database = database
    this.#client = client
  }

  static async create(): Promise<HeldTarget> {
    const database = await TempPostgres.create()
    await using schema = await openDatabase({ kind: 'postgres', url: database.url })
    assert.ok(schema)
    const client = new Client({ connectionString: database.url })
    await client.connect()
    await client.query(`create function hold() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock(1); return new; end $$`)
    return new HeldTarget(database, client)
  }

  /** In the middle of the transaction that adds this row. */
  async holdAtRow(row: number): Promise<void> {
    await this.#client.query('begin')
    await this.#client.query('select pg_advisory_xact_lock(1)')
    await this.database.query(`create or replace trigger hold before insert on emails
      for each row when (new."row" = ${row}) execute function hold()`)
  }

  /** Whoever needs what this statement locks. */
  async holdAt(statement: string): Promise<void> {
    await this.#client.query('begin')
    await this.#client.query(statement)
  }

  async letGo(): Promise<void> {
    await this.#client.query('rollback')
  }

  async untilHeld(): Promise<void> {
    await until('the migration to stand still', async () => {
      const held = await this.database.query(`select 1 from pg_stat_activity
        where datname = current_database() and application_name = 'outlookmail migrate-store' and wait_event_type = 'Lock'`)
      return held.length > 0 || undefined
    })
  }

  async copied(): Promise<{ emails: number; all: number; noted: number }> {
    const all = TABLES.map((table) => `(select count(*) from ${table})`).join(' + ')
    const [counts] = await this.database.query<{ emails: number; all: number; noted: number }>(
      `select (select count(*)::int from emails) as emails, (${all})::int as all, copied_rows::int as noted
       from unfinished_transfer`,
    )
    assert.ok(counts)
    return counts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end()
    await this.database[Symbol.asyncDispose]()
  }
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

/** Row by row, read past the code that is tested; by hashes, for a difference between bodies would be a long story. */
async function assertSameMail(database: TempPostgres): Promise<void> {
  const columns = 'cast("row" as text) as place, id, subject, body, recipients'
  const source = new SqliteHandle(folder.database, { readonly: true })
  const rows = source.prepare(`select ${columns} from emails order by "row"`).all() as MailRow[]
  source.close()
  const copied = await database.query<MailRow>(`select ${columns} from emails order by emails."row"`)
  assert.equal(copied.length, MESSAGES)
  assert.deepEqual(copied.map(hashed), rows.map(hashed))
}

interface MailRow {
  place: string
  body: string
  recipients: string | object
}

function hashed({ body, recipients, ...row }: MailRow) {
  return {
    ...row,
    body: createHash('sha256').update(body).digest('hex'),
    recipients: typeof recipients === 'string' ? JSON.parse(recipients) : recipients,
  }
}

test('killed at any point, the migration loses nothing and repeats nothing', async () => {
  await using target = await HeldTarget.create()
  let emailsBefore = 0
  for (const row of [1, 150, MESSAGES]) {
    await target.holdAtRow(row)
    const migration = startMigration(target.database)
    await target.untilHeld()
    await kill(migration)
    const { emails, all, noted } = await target.copied()
    assert.ok(emails < row && emails >= emailsBefore, `${emails} rows, in whole batches before row ${row}`)
    assert.equal(noted, all)
    emailsBefore = emails
    await target.letGo() // only now does the server notice that nobody waits for the statement any more
  }
  assert.ok(emailsBefore > 200)
  await target.database.query('drop trigger hold on emails')

  // All is copied: killed while both are compared, and while the note of the transfer is being removed.
  for (const statement of ['lock table credentials in access exclusive mode', 'select * from unfinished_transfer']) {
    await target.holdAt(statement)
    const migration = startMigration(target.database)
    await target.untilHeld()
    await kill(migration)
    await target.letGo()
  }
  assert.equal((await target.copied()).emails, MESSAGES)

  const { status, stderr } = await migrate(target.database)
  assert.equal(status, 0, stderr)
  await assertSameMail(target.database)
})

test('a row that is changed before both are compared is named, and no service starts until both are the same', async () => {
  await using target = await HeldTarget.create()
  const { database } = target
  await target.holdAtRow(MESSAGES)
  const first = migrate(database)
  await target.untilHeld()
  await target.letGo()
  await database.query(`update emails set body = body || ' ' where "row" = 7`)
  const { status, stdout, stderr } = await first
  assert.equal(status, 1)
  assert.match(stderr, /^outlookmail: The two databases are not the same.* emails differs, first at the row 7\b/m)
  assert.match(stdout, /^emails +300 +300 +[0-9a-f]{16} +[0-9a-f]{16}$/m)
  assert.doesNotMatch(stdout, /^emails .* ([0-9a-f]{16}) +\1$/m)

  const env = { ...settings(simulator, folder), DATABASE_URL: database.url }
  for (const command of [['serve'], ['worker'], ['status', 'c']]) {
    const refused = await runCommand(command, env)
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /^outlookmail: A store is still being moved into this database: run/)
  }

  await database.query(`delete from emails where "row" in (8, ${MESSAGES})`)
  assert.match((await migrate(database)).stderr, /emails differs, first at the row 7\b/)
  await database.query(`update emails set body = left(body, -1) where "row" = 7`)
  assert.match((await migrate(database)).stderr, /emails differs, first at the row 8\b/)
})

const REFUSALS = {
  'a target that is in use': {
    prepare: `insert into mailboxes (object_id, user_upn, created_at) values ('o', 'u', now())`,
    sentence: /^outlookmail: The target is in use already \(there are rows in mailboxes\)/m,
  },
  'what was begun from another store': {
    prepare: `create table unfinished_transfer (source text); insert into unfinished_transfer values ('another')`,
    sentence: /^outlookmail: The target holds what was copied of another store, or of this one before it changed/m,
  },
  'a target of a newer version': {
    prepare: `insert into kysely_migration values ('9999-of-tomorrow', '2030-01-01T00:00:00Z')`,
    sentence: /^outlookmail: DATABASE_URL names a database of another program, or of a newer version/m,
  },
}

for (const [what, { prepare, sentence }] of Object.entries(REFUSALS)) {
  test(`${what} is refused, and nothing is written to it`, async () => {
    await using target = await HeldTarget.create()
    await target.database.query(prepare)
    const { status, stderr } = await migrate(target.database)
    assert.equal(status, 1)
    assert.match(stderr, sentence)
    assert.deepEqual(await target.database.query('select * from extractions'), [])
  })
}

test('a service that runs on either database has to be stopped first', async () => {
  await using database = await TempPostgres.create()
  {
    await using service = await Service.start(simulator, folder)
    const { status, stderr } = await migrate(database)
    assert.equal(status, 1)
    assert.match(
      stderr,
      /^outlookmail: The database \S+ is in use by process \d+, which answers at \S+: stop it first\n$/,
    )
    await service.stop()
  }
  await using service = await Service.start(simulator, folder, { DATABASE_URL: database.url })
  const { status, stderr } = await migrate(database)
  assert.equal(status, 1)
  assert.match(stderr, /^outlookmail: A service or worker runs on the target: stop it/m)
  await service.stop()

  const again = await migrate(database)
  assert.equal(again.status, 0, again.stderr)
  await assertSameMail(database)
})

test('a database that cannot be used is named as it was on the command line', async () => {
  using other = new TempFolder()
  copyFileSync(folder.database, other.database)
  const handle = new SqliteHandle(other.database)
  handle.exec(`insert into kysely_migration values ('9999-of-tomorrow', '2030-01-01T00:00:00Z')`)
  handle.close()
  const { status, stderr } = await runCommand(
    ['migrate-store', '--from', `sqlite:${other.database}`, '--to', 'postgres://user@127.0.0.1:1/mail'],
    settings(simulator, folder),
  )
  assert.equal(status, 1)
  assert.match(stderr, /^outlookmail: --from names a database of another program, or of a newer version of this one\n$/)

  const away = ['migrate-store', '--from', FROM, '--to', 'postgres://user@127.0.0.1:1/mail']
  assert.match(
    (await runCommand(away, settings(simulator, folder))).stderr,
    /^outlookmail: The database that --to names does not answer/,
  )
})

test('the password of the target need not be on the command line', async () => {
  await using database = await TempPostgres.create()
  const url = new URL(database.url)
  const password = url.password
  url.password = ''
  const env = { ...settings(simulator, folder), PGPASSWORD: decodeURIComponent(password) }
  const { status, stderr } = await runCommand(['migrate-store', '--from', FROM, '--to', url.href], env)
  assert.equal(status, 0, stderr)
  assert.doesNotMatch(stderr, /can read the password/)

  const shown = await runCommand(['migrate-store', '--from', FROM, '--to', database.url], env)
  assert.match(shown.stderr, /can read the password in --to/)
  assert.ok(!(shown.stdout + shown.stderr).includes(`:${password}@`), 'it is not repeated')
})

test('databases that are not there, or of the wrong kind, are bad usage', async () => {
  const postgres = 'postgres://user@127.0.0.1/mail'
  const cases: [string, string | undefined, RegExp][] = [
    [`${FROM}.not-there`, postgres, /--from names \S+, where there is no file/],
    [postgres, postgres, /--from must be a database of the other kind/],
    [FROM, FROM, /--to must be a database of the other kind/],
    [FROM, 'nonsense', /--to must be sqlite:PATH/],
    [FROM, undefined, /DATABASE_URL must be a database of the other kind/],
  ]
  for (const [from, to, sentence] of cases) {
    const args = ['migrate-store', '--from', from, ...(to === undefined ? [] : ['--to', to])]
    const { status, stderr } = await runCommand(args, settings(simulator, folder))
    assert.equal(status, 2)
    assert.match(stderr, sentence)
  }
})
