import { CompiledQuery, type Kysely, type Transaction } from 'kysely'
import type { Database } from '../dialects/dialect.ts'
import type { Schema } from '../schema.ts'
import { keyOf, type PortableRow } from './portable-row.ts'
import { readBatch } from './read-rows.ts'
import type { TableShape } from './table-shape.ts'
import { type CopiedTo, lockCopiedTo, saveCopiedTo } from './unfinished-transfer.ts'

/** Copies what the target does not have yet, batch by batch, each in one transaction with the note of how far it got. */
export async function copyTables(
  source: Kysely<Schema>,
  target: Database,
  tables: readonly TableShape[],
  onBatch: (copied: CopiedTo) => void,
): Promise<void> {
  for (;;) {
    const copied = await target.transact((trx) => copyBatch(source, trx, tables))
    if (!copied) return
    onBatch(copied)
  }
}

/** Undefined when there is nothing left to copy. */
async function copyBatch(
  source: Kysely<Schema>,
  trx: Transaction<Schema>,
  tables: readonly TableShape[],
): Promise<CopiedTo | undefined> {
  const before = await lockCopiedTo(trx)
  const first = before ? tables.findIndex(({ name }) => name === before.table) : 0
  for (const table of tables.slice(first)) {
    const rows = await readBatch(source, table, table.name === before?.table ? before.key : undefined)
    const last = rows.at(-1)
    if (!last) continue
    await insert(trx, table, rows)
    const copied = { table: table.name, key: keyOf(table, last), rows: (before?.rows ?? 0) + rows.length }
    await saveCopiedTo(trx, copied)
    return copied
  }
  return undefined
}

/** One statement, with an array a column. */
async function insert(
  trx: Transaction<Schema>,
  { name, columns }: TableShape,
  rows: readonly PortableRow[],
): Promise<void> {
  const names = columns.map((column) => `"${column.name}"`)
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`)
  const text = `insert into ${name} (${names.join(', ')}) select * from unnest(${arrays.join(', ')})`
  const parameters = columns.map((_, index) => rows.map((row) => row[index]))
  await trx.executeQuery(CompiledQuery.raw(text, parameters))
}
