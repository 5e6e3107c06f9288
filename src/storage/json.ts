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
