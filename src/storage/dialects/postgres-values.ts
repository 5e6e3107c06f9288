import { types } from 'pg'

/** Object ids of Postgres's own types (catalog pg_type). */
const BOOLEAN = 16
const BIGINT = 20
const NUMERIC = 1700
const TIMESTAMPTZ = 1184
const JSONB = 3802

/** Rows reach the code in the shape that SQLite gives them, so that every store is written once. */
const PARSERS: Record<number, (text: string) => unknown> = {
  [BOOLEAN]: (text) => (text === 't' ? 1 : 0),
  // Counts, sizes and row numbers: none comes near 2^53, up to which a number is exact.
  [BIGINT]: Number,
  [NUMERIC]: Number, // the sum of such numbers
  [TIMESTAMPTZ]: toIsoTime,
  [JSONB]: (text) => text,
}

export const ROW_TYPES = {
  getTypeParser(type: number, format?: 'text' | 'binary') {
    return PARSERS[type] ?? types.getTypeParser(type, format as 'text')
  },
} as typeof types

/** `2026-01-01 10:00:00.5+00` as `2026-01-01T10:00:00.5Z`. The session's time zone is UTC: see `postgres.ts`. */
function toIsoTime(text: string): string {
  return `${text.slice(0, -3).replace(' ', 'T')}Z`
}

/** Text as Postgres can keep it: it has no NUL; U+FFFD stands for it, as for all that no text can hold. */
export function storableParameter(value: unknown): unknown {
  if (typeof value === 'string') return withoutNul(value)
  if (Array.isArray(value)) return value.map(storableParameter)
  return value
}

export function withoutNul(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text
}
