import { randomBytes } from 'node:crypto'
import { after } from 'node:test'
import { TempPostgres } from '../../../test/support/postgres.ts'
import { systemClock } from '../../clock.ts'
import { concurrencyContract, type TwoProcesses } from '../concurrency.contract.ts'
import { openDatabase } from '../open-database.ts'
import { SecretBox } from '../secret-box.ts'
import { storageContract } from '../storage.contract.ts'
import { openStores, type Stores } from '../stores.ts'
import { TABLES } from '../tables.ts'
import type { OpenStores } from '../testing/fixtures.ts'
import type { Database } from './dialect.ts'
import { openPostgres } from './postgres.ts'

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
