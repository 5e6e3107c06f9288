import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { TempPostgres } from '../../../test/support/postgres.ts'
import { systemClock } from '../../clock.ts'
import { concurrencyContract, type TwoProcesses } from '../concurrency.contract.ts'
import { openDatabase } from '../open-database.ts'
import { SecretBox } from '../secret-box.ts'
import { storageContract } from '../storage.contract.ts'
import { openStores, type Stores } from '../stores.ts'
import { TABLES } from '../tables.ts'
import { aMessage, beginCopy, type OpenStores } from '../testing/fixtures.ts'
import type { Database } from './dialect.ts'
import { openPostgres } from './postgres.ts'
import { textArray } from './text-array.ts'

function storesOf(database: Database, box = new SecretBox(randomBytes(32))): Stores {
  return openStores(database, box, systemClock)
}

/** One database for all tests of this file, for making one takes longer than most of them; each finds it empty. */
const temporary = await TempPostgres.create()
after(() => temporary[Symbol.asyncDispose]())

async function openEmpty(): Promise<Database> {
  const database = await openDatabase({ kind: 'postgres', url: temporary.url })
  for (const table of TABLES.toReversed()) await database.db.deleteFrom(table).execute()
  return database
}

async function openTemporary(): Promise<OpenStores> {
  const database = await openEmpty()
  return {
    ...storesOf(database),
    query: (text) => temporary.query(text),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

async function openTwice(): Promise<TwoProcesses> {
  const one = await openEmpty()
  const other = openPostgres(temporary.url)
  const box = new SecretBox(randomBytes(32))
  return {
    one: { ...storesOf(one, box), query: (text) => temporary.query(text), [Symbol.asyncDispose]: async () => {} },
    other: storesOf(other, box),
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]()
      await other[Symbol.asyncDispose]()
    },
  }
}

storageContract(openTemporary)
concurrencyContract(openTwice)

test('an array of texts arrives as it was, with U+FFFD for what Postgres cannot keep', async () => {
  await using database = await openEmpty()
  const texts = ['', 'NULL', null, '{"a\\b",c}', 'ü € 😀', 'a\0b', 'half \ud83d of one', 7, undefined]
  for (const values of [texts, []]) {
    const { rows } = await sql<{ kept: unknown }>`select ${textArray(values)}::text[] as kept`.execute(database.db)
    const kept = ['', 'NULL', null, '{"a\\b",c}', 'ü € 😀', 'a\uFFFDb', 'half \uFFFD of one', '7', null]
    assert.deepEqual(rows[0]?.kept, kept.slice(0, values.length))
  }
})

test('messages are found by their key before the database has statistics', async () => {
  await using database = await openEmpty()
  const copy = await beginCopy(storesOf(database))
  const ids = Array.from({ length: 1000 }, (_, index) => `m${index}`)
  await copy.save({ messages: ids.map((id) => aMessage(id)) })
  const plan = await database.db
    .selectFrom(database.dialect.emailsOf(copy.mailbox, ids.slice(0, 500)).as('emails'))
    .select('change_key')
    .explain()
  const scans = JSON.stringify(plan).match(/(?:Index|Bitmap|Seq)[^"]*? (?:using|on) \w+/g)
  assert.deepEqual(scans, ['Index Scan using emails_by_id'])
})
