import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { PostgresServer, TempPostgres } from '../../../test/support/postgres.ts'
import { until } from '../../../test/support/wait.ts'
import { AppError } from '../../errors.ts'
import { openDatabase } from '../open-database.ts'
import { openTarget } from '../transfer/transfer-store.ts'
import type { Database } from './dialect.ts'
import { openPostgres, problemOf } from './postgres.ts'

function addBatch({ transact }: Database, id: string): Promise<unknown> {
  const batch = {
    id,
    source: '{}',
    wish: 'run',
    exclude: '[]',
    options: '{}',
    listed: 1,
    created_at: '2026-01-01T00:00:00Z',
  }
  return transact((trx) => trx.insertInto('batches').values(batch).execute())
}

function isAway(error: unknown): boolean {
  return error instanceof AppError && error.code === 'database_unavailable' && error.isPassing
}

test('a server that is restarted fails what it was doing, and is used again without a word', async () => {
  await using server = await PostgresServer.start()
  await using temporary = await TempPostgres.create(server)
  await using database = await openDatabase({ kind: 'postgres', url: temporary.url })
  await addBatch(database, 'before')

  const begun = Promise.withResolvers<void>()
  const cut = Promise.withResolvers<void>()
  const inTheMiddle = database.transact(async (trx) => {
    await trx.updateTable('batches').set({ wish: 'pause' }).execute()
    begun.resolve()
    await cut.promise
    await trx.updateTable('batches').set({ wish: 'cancel' }).execute()
  })
  await begun.promise
  await server.stop()
  cut.resolve()
  await assert.rejects(inTheMiddle, isAway)
  await assert.rejects(addBatch(database, 'meanwhile'), isAway)

  await server.restart()
  await addBatch(database, 'after')
  const batches = await database.db.selectFrom('batches').select(['id', 'wish']).orderBy('seq').execute()
  assert.deepEqual(batches, [
    { id: 'before', wish: 'run' },
    { id: 'after', wish: 'run' },
  ])
})

test('a process that stands still in a transaction loses it, and others go on', async () => {
  await using temporary = await TempPostgres.create()
  await using still = openPostgres(temporary.url, { idleInTransactionMs: 100 })
  await using other = await openDatabase({ kind: 'postgres', url: temporary.url })
  await addBatch(other, 'contended')

  const locked = Promise.withResolvers<void>()
  const woken = Promise.withResolvers<void>()
  const frozen = still.transact(async (trx) => {
    await trx.updateTable('batches').set({ wish: 'pause' }).execute()
    locked.resolve()
    await woken.promise
    await trx.updateTable('batches').set({ wish: 'cancel' }).execute()
  })
  await locked.promise
  await other.transact((trx) => trx.updateTable('batches').set({ listing_link: 'moved on' }).execute())
  woken.resolve()
  await assert.rejects(frozen, isAway)
  assert.deepEqual(await other.db.selectFrom('batches').select(['wish', 'listing_link']).execute(), [
    { wish: 'run', listing_link: 'moved on' },
  ])
})

test('a connection that is cut while nobody uses it ends nothing', async () => {
  await using temporary = await TempPostgres.create()
  await using database = await openDatabase({ kind: 'postgres', url: temporary.url })
  await addBatch(database, 'one')
  await temporary.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'outlookmail'`)
  await until('the connection to be replaced', () =>
    addBatch(database, 'two').then(
      () => true,
      () => undefined,
    ),
  )
})

test('a connection on which no answer comes any more is given up, and the next statement has another', async () => {
  await using server = await PostgresServer.start()
  await using temporary = await TempPostgres.create(server)
  await using database = openPostgres(temporary.url, { connections: 1, statementTimeoutMs: 500, noAnswerMs: 500 })
  const backend = async () => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database.db)
    return rows[0]?.pid ?? 0
  }
  const frozen = await backend()
  process.kill(frozen, 'SIGSTOP')
  try {
    await assert.rejects(backend(), isAway)
    assert.notEqual(await backend(), frozen)
  } finally {
    process.kill(frozen, 'SIGCONT')
  }
})

const SECRET = 'hunter2hunter2'

test('what is wrong with the address of the database is said without the secret in it', async () => {
  await using temporary = await TempPostgres.create()
  const wrong = (change: (url: URL) => void) => {
    const url = new URL(temporary.url)
    url.password = SECRET
    change(url)
    return url.href
  }
  const right = new URL(temporary.url).password
  const cases: [string, RegExp][] = [
    [wrong(() => {}), /refuses the login/],
    [wrong((url) => Object.assign(url, { username: 'nobody' })), /refuses the login/],
    [wrong((url) => Object.assign(url, { password: right, pathname: '/not_there' })), /is not there: create it/],
    [wrong((url) => Object.assign(url, { port: '1' })), /does not answer/],
    [wrong((url) => Object.assign(url, { hostname: 'no-such-host.invalid' })), /does not answer/],
    [wrong((url) => url.searchParams.set('sslmode', 'verify-full')), /TLS/],
  ]
  for (const [url, sentence] of cases) {
    await assert.rejects(openDatabase({ kind: 'postgres', url }), (error) => {
      assert.ok(error instanceof AppError, String(error))
      assert.equal(error.code, 'database_unavailable')
      assert.match(error.message, sentence)
      assert.ok(!error.message.includes(SECRET))
      return true
    })
  }
})

test('a database that cannot keep every letter is refused, with the cure', async () => {
  await using temporary = await TempPostgres.create()
  const name = `${new URL(temporary.url).pathname.slice(1)}_ascii`
  await temporary.query(`create database ${name} encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'`)
  try {
    const url = Object.assign(new URL(temporary.url), { pathname: `/${name}` }).href
    const refusal = { code: 'database_unavailable', message: /has the encoding SQL_ASCII: make one with UTF8/ }
    await assert.rejects(openDatabase({ kind: 'postgres', url }), refusal)
    await assert.rejects(openTarget(url), refusal, 'a store is not moved there either')
  } finally {
    await temporary.query(`drop database ${name} with (force)`)
  }
})

test('a server that is older than what has been tried is refused', () => {
  const of = (number: number, version: string) => problemOf({ number, version, encoding: 'UTF8' })
  assert.equal(of(140_018, '14.18'), 'is on Postgres 14.18: it has to be 15 or newer')
  assert.equal(of(150_000, '15.0'), undefined)
})

test('a server that takes no writes is told apart from one that is away', async () => {
  await using temporary = await TempPostgres.create()
  await using database = await openDatabase({ kind: 'postgres', url: temporary.url })
  const name = new URL(temporary.url).pathname.slice(1)
  await temporary.query(`alter database ${name} set default_transaction_read_only = on`)
  await using standby = openPostgres(temporary.url)
  assert.ok(database)
  await assert.rejects(
    addBatch(standby, 'one'),
    (error) => error instanceof AppError && error.code === 'storage_readonly',
  )
})

test('a refused statement is a bug of ours, and what is said of it holds no value', async () => {
  await using temporary = await TempPostgres.create()
  await using database = await openDatabase({ kind: 'postgres', url: temporary.url })
  const { db } = database
  const mailbox = { object_id: 'o1', user_upn: 'ann@x.example', created_at: 'ann@x.example' }
  await assert.rejects(db.insertInto('mailboxes').values(mailbox).execute(), (error) => {
    assert.ok(!(error instanceof AppError))
    assert.ok(!JSON.stringify(error, Object.getOwnPropertyNames(error)).includes('ann@'), String(error))
    return true
  })
})
