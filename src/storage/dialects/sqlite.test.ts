import { randomBytes } from 'node:crypto'
import { systemClock } from '../../clock.ts'
import { migrateToLatest } from '../migrate.ts'
import { SecretBox } from '../secret-box.ts'
import { type OpenStores, storageContract } from '../storage.contract.ts'
import { openStores } from '../stores.ts'
import { openSqlite } from './sqlite.ts'

async function openInMemory(): Promise<OpenStores> {
  const database = openSqlite(':memory:')
  await migrateToLatest(database.db)
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
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

storageContract(openInMemory)
