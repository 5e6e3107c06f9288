import type { DatabaseLocation } from './database-location.ts'
import type { Database } from './dialects/dialect.ts'
import { openSqlite } from './dialects/sqlite.ts'
import { migrateToLatest } from './migrate.ts'
import { refuseUnfinishedTransfer } from './transfer/unfinished-transfer.ts'

/** What the API, the engine and the odd long statement need beside the mailboxes. */
const SPARE_CONNECTIONS = 4
/** A page holds one for some milliseconds, so these serve any number of mailboxes; and all processes share the server's. */
const MAX_CONNECTIONS = 20

/**
 * Opens the database and brings it to the newest schema. Throws `transfer_unfinished` for one that a store is still being
 * moved into.
 * @param mailboxesAtOnce how many mailboxes this process copies at once; on Postgres it decides how many connections it may make
 */
export async function openDatabase(location: DatabaseLocation, mailboxesAtOnce = 8): Promise<Database> {
  if (location.kind === 'sqlite') return openMigratedSqlite(location.path)
  return openMigratedPostgres(location.url, Math.min(mailboxesAtOnce + SPARE_CONNECTIONS, MAX_CONNECTIONS))
}

async function openMigratedSqlite(path: string): Promise<Database> {
  await using opened = new AsyncDisposableStack()
  const database = opened.use(openSqlite(path))
  await migrateToLatest(database)
  opened.move()
  return database
}

async function openMigratedPostgres(url: string, connections: number): Promise<Database> {
  const { checkServer, openPostgres } = await import('./dialects/postgres.ts') // a library that SQLite does not need
  {
    // A migration may take long, and so does waiting for one that another process has begun.
    await using migrating = openPostgres(url, { connections: 1, statementTimeoutMs: 0 })
    await checkServer(migrating)
    await migrateToLatest(migrating)
    await refuseUnfinishedTransfer(migrating)
  }
  return openPostgres(url, { connections })
}
