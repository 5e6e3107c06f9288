import { withoutNul } from '../dialects/postgres-values.ts'
import { toCanonicalJson } from '../json.ts'
import { toCanonicalTime } from '../times.ts'
import type { TableShape } from './table-shape.ts'

/**
 * A row with a value a column, in the one form that it has in both databases: what Postgres is given, and what rows of either
 * are compared by. A row that went through is the same when it comes back.
 */
export type PortableRow = readonly PortableValue[]
type PortableValue = string | number | null

export type Key = readonly (string | number)[]

export function toPortableRow({ columns }: TableShape, row: Readonly<Record<string, unknown>>): PortableRow {
  return columns.map(({ name, type }) => toPortableValue(type, row[name]))
}

export function keyOf({ columns, key }: TableShape, row: PortableRow): Key {
  return key.map((name) => row[columns.findIndex((column) => column.name === name)] ?? '')
}

function toPortableValue(type: string, value: unknown): PortableValue {
  if (value === null || value === undefined) return null
  if (typeof value === 'number') return value // flags, too: both databases' rows have 0 and 1 for them
  const text = String(value)
  if (type === 'jsonb') return text === '[]' ? text : toCanonicalJson(text)
  if (type === 'timestamp with time zone') return toCanonicalTime(text)
  return withoutNul(text)
}
