import { type Kysely, sql, type Transaction } from 'kysely'
import { AppError } from '../../errors.ts'
import type { Database } from '../dialects/dialect.ts'
import type { Schema } from '../schema.ts'
import { TABLES } from '../tables.ts'
import type { Key } from './portable-row.ts'

/*
 * While a store is being moved into a database, that one has a table more, `unfinished_transfer`. That it is there keeps
 * services away; its one row says how far the copying got, and is written with the rows themselves. It is dropped in the
 * transaction that ends the transfer.
 */

/** Everything up to this row of this table is in the target; undefined before the first. */
export interface CopiedTo {
  table: keyof Schema
  key: Key
  /** So many, over all tables. */
  rows: number
}

/** For whoever wants to work on the database. */
export async function refuseUnfinishedTransfer({ db }: Database): Promise<void> {
  if (!(await isUnfinished(db))) return
  throw new AppError(
    'transfer_unfinished',
    'A store is still being moved into this database: run `outlookmail migrate-store` once more, it goes on where it stopped; then start this again',
  )
}

/** Begins a transfer into an empty database, or joins the one that was begun from the same source. */
export function beginTransfer({ transact }: Database, source: string): Promise<void> {
  return transact(async (trx) => {
    if (await isUnfinished(trx)) {
      const { rows } = await sql<{ source: string }>`select source from unfinished_transfer`.execute(trx)
      if (rows[0]?.source === source) return
      throw new AppError(
        'transfer_refused',
        'The target holds what was copied of another store, or of this one before it changed: drop that database, and name an empty one',
      )
    }
    for (const table of TABLES) await refuseRows(trx, table)
    await sql`create table unfinished_transfer
      (source text not null, copied_table text, copied_key jsonb, copied_rows bigint not null default 0)`.execute(trx)
    await sql`insert into unfinished_transfer (source) values (${source})`.execute(trx)
  })
}

/** Locked until the transaction ends: whoever copies at the same time waits, and goes on behind what was copied here. */
export async function lockCopiedTo(trx: Transaction<Schema>): Promise<CopiedTo | undefined> {
  const { rows } = await sql<{ copied_table: keyof Schema | null; copied_key: string; copied_rows: number }>`
    select copied_table, copied_key, copied_rows from unfinished_transfer for update`.execute(trx)
  const [row] = rows
  if (!row?.copied_table) return undefined
  return { table: row.copied_table, key: JSON.parse(row.copied_key) as Key, rows: row.copied_rows }
}

export async function saveCopiedTo(trx: Transaction<Schema>, { table, key, rows }: CopiedTo): Promise<void> {
  await sql`update unfinished_transfer
    set copied_table = ${table}, copied_key = ${JSON.stringify(key)}, copied_rows = ${rows}`.execute(trx)
}

/** From here on the database is like any other. */
export async function endTransfer(trx: Transaction<Schema>): Promise<void> {
  await sql`drop table unfinished_transfer`.execute(trx)
}

async function isUnfinished(db: Kysely<Schema>): Promise<boolean> {
  const { rows } = await sql<{ is_there: number }>`
    select to_regclass('unfinished_transfer') is not null as is_there`.execute(db)
  return rows[0]?.is_there === 1
}

async function refuseRows(trx: Transaction<Schema>, table: keyof Schema): Promise<void> {
  const row = await trx.selectFrom(table).select(sql`1`.as('one')).limit(1).executeTakeFirst()
  if (row) {
    throw new AppError(
      'transfer_refused',
      `The target is in use already (there are rows in ${table}): a store can be moved into an empty database only`,
    )
  }
}
