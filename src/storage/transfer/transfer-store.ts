import { type Kysely, sql, type Transaction } from 'kysely'
import { type Clock, isoTime } from '../../clock.ts'
import { AppError } from '../../errors.ts'
import type { Database } from '../dialects/dialect.ts'
import { checkServer, openPostgres } from '../dialects/postgres.ts'
import { recoverLost } from '../lost-workers.ts'
import { migrateToLatest } from '../migrate.ts'
import type { Schema } from '../schema.ts'
import { compareTable, hashOfTable, type TableComparison } from './compare-tables.ts'
import { copyTables } from './copy-tables.ts'
import { readShapes, type TableShape } from './table-shape.ts'
import { beginTransfer, endTransfer } from './unfinished-transfer.ts'

const APPLICATION_NAME = 'outlookmail migrate-store'

/** How long a service that was just stopped may need until the server has noticed. */
const SESSIONS_PATIENCE_MS = 5_000
const POLL_MS = 100

interface TransferProgress {
  step: 'copying' | 'comparing'
  table: keyof Schema
  /** Done in this step, over all tables. */
  rows: number
  /** To be done in this step. */
  total: number
}

export interface TransferOptions {
  clock: Clock
  /** Stops between two batches; the next transfer goes on from there. */
  signal: AbortSignal
  onProgress(progress: TransferProgress): void
}

/** The target of a transfer, with the newest schema. */
export async function openTarget(url: string): Promise<Database> {
  await using opened = new AsyncDisposableStack()
  // No limit for statements, for an old schema may take long to change.
  const target = opened.use(
    openPostgres(url, { connections: 1, statementTimeoutMs: 0, applicationName: APPLICATION_NAME }),
  )
  await checkServer(target)
  await migrateToLatest(target)
  opened.move()
  return target
}

/**
 * Moves a whole store from an SQLite file, of which the caller is the owner, into Postgres. It may be stopped at any moment:
 * each batch of rows is committed with the note of how far it got, and the next call goes on behind it. It has ended when both
 * databases hold the same; where they do not, as the answer then says, services stay away from the target. The source is
 * left as a restart of its service would leave it.
 */
export async function transferStore(
  source: Database,
  target: Database,
  { clock, signal, onProgress }: TransferOptions,
): Promise<TableComparison[]> {
  await source.transact((trx) => recoverLost(trx, isoTime(clock.now())))
  const tables = await readShapes(target.db)
  await beginTransfer(target, await stateOf(source.db, tables))
  await refuseServices(target.db, clock) // one that comes later finds the note of the transfer, and does not start

  const total = await countRows(source.db, tables)
  await copyTables(source.db, target, tables, ({ table, rows }) => {
    onProgress({ step: 'copying', table, rows, total })
    signal.throwIfAborted()
  })

  const comparisons: TableComparison[] = []
  let compared = 0
  for (const table of tables) {
    const comparison = await compareTable(source.db, target.db, table, (rows) => {
      compared += rows
      onProgress({ step: 'comparing', table: table.name, rows: compared, total })
      signal.throwIfAborted()
    })
    comparisons.push(comparison)
  }
  if (comparisons.some(({ firstDifference }) => firstDifference)) return comparisons
  await target.transact(async (trx) => {
    for (const table of tables) await numberOnBehind(trx, table)
    await endTransfer(trx)
  })
  return comparisons
}

/** Where the next row is given its number by Postgres, that is one that no row of the source has. */
async function numberOnBehind(trx: Transaction<Schema>, { name, identity }: TableShape): Promise<void> {
  if (!identity) return
  await sql`select setval(pg_get_serial_sequence(${name}, ${identity}), max(${sql.ref(identity)}))
    from ${sql.table(name)} having max(${sql.ref(identity)}) is not null`.execute(trx)
}

/** Different as soon as anybody has worked on the store: every run and every command changes one of these rows. */
async function stateOf(source: Kysely<Schema>, tables: readonly TableShape[]): Promise<string> {
  const changing = tables.filter(({ name }) => ['credentials', 'batches', 'mailboxes', 'extractions'].includes(name))
  const hashes: string[] = []
  for (const table of changing) hashes.push(await hashOfTable(source, table))
  return hashes.join(' ')
}

async function countRows(db: Kysely<Schema>, tables: readonly TableShape[]): Promise<number> {
  let total = 0
  for (const { name } of tables) {
    const { rows } = await db.selectFrom(name).select(sql<number>`count(*)`.as('rows')).executeTakeFirstOrThrow()
    total += rows
  }
  return total
}

async function refuseServices(target: Kysely<Schema>, clock: Clock): Promise<void> {
  const end = clock.now() + SESSIONS_PATIENCE_MS
  while (await hasServices(target)) {
    if (clock.now() > end) {
      throw new AppError('database_in_use', 'A service or worker runs on the target: stop it, then run this again')
    }
    await clock.sleep(POLL_MS)
  }
}

async function hasServices(target: Kysely<Schema>): Promise<boolean> {
  const { rows } = await sql`select 1 from pg_stat_activity
    where datname = current_database() and application_name like 'outlookmail%' and application_name <> ${APPLICATION_NAME}
    limit 1`.execute(target)
  return rows.length > 0
}
