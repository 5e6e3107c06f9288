/** Offsets as far as Postgres knows them. */
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-](?:0\d|1[0-5]):[0-5]\d)$/

/** The time as it came, or null for what is none in the years 1 to 9999: every database can keep and sort the rest. */
export function storableTime(text: string | null): string | null {
  return text !== null && isTime(text) ? text : null
}

function isTime(text: string): boolean {
  if (!ISO_TIME.test(text) || text.startsWith('0000') || Number.isNaN(Date.parse(text))) return false
  if (text.slice(8, 10) <= '28') return true
  const day = text.slice(0, 10)
  return new Date(day).toISOString().startsWith(day) // JavaScript takes 30 February for 1 March
}

/** Whether both are the same instant, in whatever form; a time that could not be kept is the same as none. */
export function isSameTime(stored: string | null, given: string | null): boolean {
  const kept = storableTime(given)
  return stored === kept || (stored !== null && kept !== null && Date.parse(stored) === Date.parse(kept))
}

/** A stored time in UTC, to the microsecond as far as Postgres counts: equal for equal instants, whichever database it comes from. */
export function toCanonicalTime(text: string): string | null {
  if (!isTime(text)) return null
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? ''
  const seconds = new Date(text.replace(/\.\d+/, '')).toISOString().slice(0, -'.000Z'.length)
  return storableTime(`${seconds}.${fraction.padEnd(6, '0').slice(0, 6)}Z`)
}
