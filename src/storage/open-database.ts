import type { DatabaseLocation } from './database-location.ts'
import type { Database } from './dialects/dialect.ts'
import { openPostgres } from './dialects/postgres.ts'
import { openSqlite } from './dialects/sqlite.ts'
import { migrateToLatest } from './migrate.ts'
import { refuseUnfinishedTransfer } from './transfer/unfinished-transfer.ts'

/** Opens the database and brings it to the newest schema. Throws `transfer_unfinished` for one that a store is still being moved into. */
export async function openDatabase(location: DatabaseLocation): Promise<Database> {
  return location.kind === 'sqlite' ? openMigratedSqlite(location.path) : openMigratedPostgres(location.url)
}

async function openMigratedSqlite(path: string): Promise<Database> {
  await using opened = new AsyncDisposableStack()
  const database = opened.use(openSqlite(path))
  await migrateToLatest(database)
  opened.move()
  return database
}

async function openMigratedPostgres(url: string): Promise<Database> {
  {
    // A migration may take long, and so does waiting for one that another process has begun.
    await using migrating = openPostgres(url, { connections: 1, statementTimeoutMs: 0 })
    await migrateToLatest(migrating)
    await refuseUnfinishedTransfer(migrating)
  }
  return openPostgres(url)
}
