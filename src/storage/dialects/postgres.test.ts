import { randomBytes } from 'node:crypto'
import { TempPostgres } from '../../../test/support/postgres.ts'
import { systemClock } from '../../clock.ts'
import { concurrencyContract, type TwoProcesses } from '../concurrency.contract.ts'
import { contentsContract } from '../contents.contract.ts'
import { openDatabase } from '../open-database.ts'
import { SecretBox } from '../secret-box.ts'
import { aMessage, type OpenStores, storageContract } from '../storage.contract.ts'
import { openStores, type Stores } from '../stores.ts'
import type { Database } from './dialect.ts'
import { openPostgres } from './postgres.ts'

function storesOf(database: Database, box = new SecretBox(randomBytes(32))): Stores {
  return openStores(database, box, systemClock)
}

async function openTemporary(): Promise<OpenStores> {
  const temporary = await TempPostgres.create()
  const database = await openDatabase({ kind: 'postgres', url: temporary.url })
  return {
    ...storesOf(database),
    dump: () => dump(database),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      await temporary[Symbol.asyncDispose]()
    },
  }
}

async function dump({ db }: Database): Promise<string> {
  const rows = await Promise.all([
    db.selectFrom('credentials').selectAll().execute(),
    db.selectFrom('extractions').selectAll().execute(),
  ])
  return JSON.stringify(rows)
}

async function openTwice(): Promise<TwoProcesses> {
  const temporary = await TempPostgres.create()
  const one = await openDatabase({ kind: 'postgres', url: temporary.url })
  const other = openPostgres(temporary.url)
  const box = new SecretBox(randomBytes(32))
  return {
    one: { ...storesOf(one, box), dump: () => dump(one), [Symbol.asyncDispose]: async () => {} },
    other: storesOf(other, box),
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]()
      await other[Symbol.asyncDispose]()
      await temporary[Symbol.asyncDispose]()
    },
  }
}

storageContract(openTemporary)
contentsContract(openTemporary, aMessage)
concurrencyContract(openTwice)
