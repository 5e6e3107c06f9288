/** What no database of ours can keep in JSON: NUL, and a half of a surrogate pair, as JSON.stringify writes them. */
const ODD_ESCAPE = /\\u(?:0000|d[89a-f])/

/** A value as JSON for a column, with U+FFFD for what Postgres has no character for: see docs/decisions/0010. */
export function toJson(value: unknown): string {
  const json = JSON.stringify(value)
  return ODD_ESCAPE.test(json) ? JSON.stringify(value, storable) : json
}

function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\uFFFD') : value
}

/** The same for JSON that is stored already, with keys in one order: equal for equal values, however each database writes them. */
export function toCanonicalJson(json: string): string {
  return toJson(sorted(JSON.parse(json)))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, part]) => [key, sorted(part)]),
  )
}
