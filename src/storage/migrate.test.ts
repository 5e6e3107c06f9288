import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import SqliteHandle from 'better-sqlite3'
import { Client } from 'pg'
import { TempPostgres } from '../../test/support/postgres.ts'
import { TempFolder } from '../../test/support/service.ts'
import { until } from '../../test/support/wait.ts'
import { openDatabase } from './open-database.ts'

const OPEN_DATABASE = new URL('./open-database.ts', import.meta.url).href

/** A process that opens the database, as a service does at its start. */
function startOpening(url: string) {
  const program = `import { openDatabase } from '${OPEN_DATABASE}'
    const database = await openDatabase({ kind: 'postgres', url: process.env.DATABASE_URL })
    await database[Symbol.asyncDispose]()`
  const env = { ...process.env, DATABASE_URL: url }
  return spawn(process.execPath, ['--input-type=module', '--eval', program], { env, stdio: 'inherit' })
}

async function tablesOf(database: TempPostgres): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public' and tablename not like 'kysely%'`,
  )
  return rows.map(({ name }) => name)
}

test('processes that start at once on an empty database all find the newest schema', async () => {
  await using temporary = await TempPostgres.create()
  const opened = await Promise.all(
    Array.from({ length: 5 }, () => openDatabase({ kind: 'postgres', url: temporary.url })),
  )
  for (const database of opened) {
    assert.deepEqual(await database.db.selectFrom('emails').selectAll().execute(), [])
    await database[Symbol.asyncDispose]()
  }
})

test('a start that is killed in the middle of its migrations leaves nothing half done', async () => {
  await using temporary = await TempPostgres.create()
  const blocker = new Client({ connectionString: temporary.url })
  await blocker.connect()
  await blocker.query('begin')
  await blocker.query('create table emails (only_to_be_in_the_way int)')

  const opening = startOpening(temporary.url)
  await until('the migration to wait in its middle', async () => {
    const waiting = await temporary.query(
      `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like 'create table emails%'`,
    )
    return waiting.length > 0 || undefined
  })
  opening.kill('SIGKILL')
  await once(opening, 'exit')
  await blocker.query('rollback')
  await blocker.end()
  assert.deepEqual(await tablesOf(temporary), [])

  await using database = await openDatabase({ kind: 'postgres', url: temporary.url })
  assert.deepEqual(await database.db.selectFrom('emails').selectAll().execute(), [])
})

test('what a walk has noted outlives the change of its table', async () => {
  using folder = new TempFolder()
  const location = { kind: 'sqlite', path: folder.database } as const
  await (await openDatabase(location))[Symbol.asyncDispose]()
  const note = { mailbox_id: 1, folder_id: 'inbox', message_id: 'm1', change_key: 'k1' }
  const handle = new SqliteHandle(location.path)
  try {
    handle.exec(`delete from kysely_migration where name = '0010-notes-in-their-key';
      drop table walked_messages;
      create table walked_messages (mailbox_id integer not null references mailboxes (id), folder_id text not null,
        message_id text not null, change_key text, primary key (mailbox_id, folder_id, message_id));
      insert into mailboxes (id, object_id, user_upn, created_at) values (1, 'o1', 'user@example.com', '2026-01-01T00:00:00Z')`)
    handle.prepare('insert into walked_messages values (?, ?, ?, ?)').run(Object.values(note))
  } finally {
    handle.close()
  }
  await using database = await openDatabase(location)
  assert.deepEqual(await database.db.selectFrom('walked_messages').selectAll().execute(), [note])
})

test('a database of a newer version of the program is left alone', async () => {
  await using temporary = await TempPostgres.create()
  await using first = await openDatabase({ kind: 'postgres', url: temporary.url })
  assert.ok(first)
  await temporary.query(`insert into kysely_migration values ('9999-of-tomorrow', '2030-01-01T00:00:00Z')`)
  await assert.rejects(openDatabase({ kind: 'postgres', url: temporary.url }), /of a newer version of this one/)
})
