import { randomBytes } from 'node:crypto'
import { TempPostgres } from '../../../test/support/postgres.ts'
import { systemClock } from '../../clock.ts'
import { contentsContract } from '../contents.contract.ts'
import { openDatabase } from '../open-database.ts'
import { SecretBox } from '../secret-box.ts'
import { aMessage, type OpenStores, storageContract } from '../storage.contract.ts'
import { openStores } from '../stores.ts'

async function openTemporary(): Promise<OpenStores> {
  const temporary = await TempPostgres.create()
  const database = await openDatabase({ kind: 'postgres', url: temporary.url })
  const stores = openStores(database, new SecretBox(randomBytes(32)), systemClock)
  return {
    ...stores,
    async dump() {
      const rows = await Promise.all([
        database.db.selectFrom('credentials').selectAll().execute(),
        database.db.selectFrom('extractions').selectAll().execute(),
      ])
      return JSON.stringify(rows)
    },
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      await temporary[Symbol.asyncDispose]()
    },
  }
}

storageContract(openTemporary)
contentsContract(openTemporary, aMessage)
