import type { Database } from './dialects/dialect.ts'
import { openPostgres } from './dialects/postgres.ts'
import { openSqlite } from './dialects/sqlite.ts'
import { migrateToLatest } from './migrate.ts'

/** Where the database is, as DATABASE_URL says. The URL may hold a password: never shown. */
export type DatabaseLocation = { kind: 'sqlite'; path: string } | { kind: 'postgres'; url: string }

/** Opens the database and brings it to the newest schema. */
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
  }
  return openPostgres(url)
}
