import { type Kysely, sql } from 'kysely'
import type { Schema } from '../schema.ts'
import { type Key, keyOf, type PortableRow, toPortableRow } from './portable-row.ts'
import type { TableShape } from './table-shape.ts'

/** What is held in memory at once, in each direction; one row may be larger, for bodies have no limit of ours. */
const MAX_CHARACTERS = 4 * 1024 * 1024
const MAX_ROWS = 2_000

/** The rows behind the key, in the key's order, as many as one transaction is to hold; none at the end of the table. */
export async function readBatch(
  source: Kysely<Schema>,
  table: TableShape,
  after: Key | undefined,
): Promise<PortableRow[]> {
  const batch: PortableRow[] = []
  let characters = 0
  for await (const row of select(source, table, { after }).stream()) {
    const portable = toPortableRow(table, row)
    batch.push(portable)
    characters += sizeOf(portable)
    if (characters >= MAX_CHARACTERS) break
  }
  return batch
}

/** Rows behind one key and up to another, or to the end of the table, in the key's order. */
export async function* readRange(
  target: Kysely<Schema>,
  table: TableShape,
  range: { after: Key | undefined; upTo: Key | undefined },
): AsyncGenerator<PortableRow> {
  let { after } = range
  for (;;) {
    const rows = await select(target, table, { ...range, after }).execute()
    for (const row of rows) {
      const portable = toPortableRow(table, row)
      yield portable
      after = keyOf(table, portable)
    }
    if (rows.length < MAX_ROWS) return
  }
}

function select(
  db: Kysely<Schema>,
  { name, columns, key }: TableShape,
  range: { after?: Key | undefined; upTo?: Key | undefined },
) {
  const { after, upTo } = range
  const refs = key.map((column) => sql.ref(column))
  const row = sql`(${sql.join(refs)})`
  // The columns of a table that is known at run time only.
  return (db as unknown as Kysely<Record<string, Record<string, unknown>>>)
    .selectFrom(name)
    .select(columns.map((column) => column.name))
    .$if(after !== undefined, (query) => query.where(sql<boolean>`${row} > (${sql.join([...(after ?? [])])})`))
    .$if(upTo !== undefined, (query) => query.where(sql<boolean>`${row} <= (${sql.join([...(upTo ?? [])])})`))
    .$call((query) => refs.reduce((ordered, ref) => ordered.orderBy(ref), query))
    .limit(MAX_ROWS)
}

function sizeOf(row: PortableRow): number {
  return row.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 8), 0)
}
