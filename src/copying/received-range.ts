/**
 * A stretch of time of one folder: the mail that was received in it is still to be read, newest first. Times are in
 * whole seconds, ISO 8601, UTC.
 */
export interface ReceivedRange {
  /** Its key within the folder. */
  number: number
  /** At or after. */
  from: string
  /** Before; comes nearer to `from` with every page that is stored. */
  before: string
  /** Where the newest second left holds more than a page: the provider's link to more of it. */
  link: string | null
}

/** What is left of a range after a page. */
export type RestOfRange = Pick<ReceivedRange, 'before' | 'link'>

export function secondsOf(time: string): number {
  return Math.floor(Date.parse(time) / 1000)
}

export function timeOf(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, -5)}Z`
}
