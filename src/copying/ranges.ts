import type { MessageId } from './message.ts'
import { type ReceivedRange, type RestOfRange, secondsOf, timeOf } from './received-range.ts'

/** A range with less than this many pages left is not worth a request more: of two, one is being read. */
const PAGES_WORTH_SPLITTING = 2

/** Each halves a range, so mail that lies in clusters decades apart does not get near it. */
const MAX_SPLITS = 64

/** A range that somebody reads, and how far. */
export interface WalkedRange {
  readonly range: ReceivedRange
  /** Of time, per page, where mail is as dense as on the last page. */
  secondsPerPage: number | undefined
  /** Read one by one last: the next page may begin with some of them. */
  readSingly: ReadonlySet<MessageId>
}

/** The ranges of one folder that are still to be read, each by one walker. One that has nothing to do helps the slowest. */
export class Ranges {
  readonly #waiting: ReceivedRange[]
  readonly #walked = new Set<WalkedRange>()
  #nextNumber: number
  #splits = 0

  constructor(ranges: readonly ReceivedRange[]) {
    this.#waiting = ranges.toSorted((one, other) => secondsOf(other.before) - secondsOf(one.before))
    this.#nextNumber = Math.max(-1, ...ranges.map(({ number }) => number)) + 1
  }

  /**
   * The next range to read; undefined where none is left, or what is left is being read and soon done. `split`: it is the
   * older part of that range, which from now on ends where this one begins.
   */
  take(): { walked: WalkedRange; split?: ReceivedRange } | undefined {
    const waiting = this.#waiting.shift()
    if (waiting) return { walked: this.#begin(waiting) }
    const longest = [...this.#walked].toSorted((one, other) => pagesLeft(other) - pagesLeft(one))[0]
    if (!longest || pagesLeft(longest) < PAGES_WORTH_SPLITTING || this.#splits === MAX_SPLITS) return undefined
    this.#splits++
    const newer = longest.range
    const middle = timeOf(Math.floor((secondsOf(newer.from) + secondsOf(newer.before)) / 2))
    const older = { number: this.#nextNumber++, from: newer.from, before: middle, link: null }
    newer.from = middle
    return { walked: this.#begin(older), split: newer }
  }

  /** A page is there, and this is left; undefined at the end. */
  advance(walked: WalkedRange, rest: RestOfRange | undefined): void {
    if (!rest) {
      this.#walked.delete(walked)
      return
    }
    const seconds = secondsOf(walked.range.before) - secondsOf(rest.before)
    if (seconds > 0) walked.secondsPerPage = seconds
    Object.assign(walked.range, rest)
  }

  #begin(range: ReceivedRange): WalkedRange {
    const walked = { range: { ...range }, secondsPerPage: undefined, readSingly: new Set<MessageId>() }
    this.#walked.add(walked)
    return walked
  }
}

function pagesLeft({ range, secondsPerPage }: WalkedRange): number {
  if (secondsPerPage === undefined) return 0
  return (secondsOf(range.before) - secondsOf(range.from)) / secondsPerPage
}
