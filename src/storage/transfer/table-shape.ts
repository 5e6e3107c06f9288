import { type Kysely, sql } from 'kysely'
import type { Schema } from '../schema.ts'
import { TABLES } from '../tables.ts'

interface Column {
  name: string
  /** In Postgres's words, such as `timestamp with time zone`. */
  type: string
}

/** What has to be known of a table to copy it. */
export interface TableShape {
  name: keyof Schema
  columns: readonly Column[]
  /** The columns of the primary key. Both databases sort by it in the same order: numbers, and texts byte by byte. */
  key: readonly string[]
  /** The column that numbers its rows by itself, if there is one. */
  identity: string | undefined
}

/** As the target's catalog has it: a column that a later migration adds is copied without a word here. */
export async function readShapes(target: Kysely<Schema>): Promise<TableShape[]> {
  const shapes: TableShape[] = []
  for (const table of TABLES) shapes.push(await readShape(target, table))
  return shapes
}

async function readShape(target: Kysely<Schema>, table: keyof Schema): Promise<TableShape> {
  const { rows } = await sql<Column & { is_identity: number; place_in_key: number | null }>`
    select attname as name, format_type(atttypid, atttypmod) as type, attidentity = 'd' as is_identity,
      array_position(string_to_array(indkey::text, ' ')::int2[], attnum) as place_in_key
    from pg_attribute join pg_index on indrelid = attrelid and indisprimary
    where attrelid = ${table}::regclass and attnum > 0 and not attisdropped
    order by attnum`.execute(target)
  return {
    name: table,
    columns: rows.map(({ name, type }) => ({ name, type })),
    key: rows
      .filter(({ place_in_key }) => place_in_key !== null)
      .sort((one, other) => Number(one.place_in_key) - Number(other.place_in_key))
      .map(({ name }) => name),
    identity: rows.find(({ is_identity }) => is_identity === 1)?.name,
  }
}
