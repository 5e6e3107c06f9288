import type { MessageId } from './message.ts'
import { type ReceivedRange, type RestOfRange, secondsOf, timeOf } from './received-range.ts'

/** Graph needs about as long for so many messages as for a request by itself: a smaller part is not worth one. */
const LEAST_PART = 100

/** Each about halves a range, so mail that lies in clusters decades apart does not get near it. */
const MAX_SPLITS = 64

interface Density {
  secondsPerMessage: number
  /** Of the largest page so far. */
  messagesPerPage: number
}

/** A range that somebody reads, and how far. */
export interface WalkedRange {
  readonly range: ReceivedRange
  /** Where mail is as dense as on the last page; undefined until there was one. A part that was split off begins with what is known. */
  density: Density | undefined
  /** How many messages the page is thought to hold that is asked for and not there yet. */
  asked: number
  /** Read one by one last: the next page may begin with some of them. */
  readSingly: ReadonlySet<MessageId>
}

/**
 * The ranges of one folder that are still to be read, each by one walker. One that has nothing to do helps the slowest, and
 * towards the end pages get smaller, so that all of them come to the end together.
 */
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
    if (waiting) return { walked: this.#begin(waiting, undefined) }
    const longest = [...this.#walked].toSorted((one, other) => messagesLeft(other) - messagesLeft(one))[0]
    if (!longest?.density || this.#splits === MAX_SPLITS) return undefined
    const { range: newer, asked, density } = longest
    if (messagesLeft(longest) < leastPart(density)) return undefined
    const seconds = Math.floor(olderPart(messagesLeft(longest), asked) * density.secondsPerMessage)
    if (seconds === 0) return undefined
    this.#splits++
    const middle = timeOf(secondsOf(newer.from) + seconds)
    const older = { number: this.#nextNumber++, from: newer.from, before: middle, link: null }
    newer.from = middle
    return { walked: this.#begin(older, density), split: newer }
  }

  /**
   * What is left of the range is about to be asked for. Answers with how many messages on a page at most; undefined while the
   * end is far: then as many as there may be.
   */
  ask(walked: WalkedRange): number | undefined {
    walked.asked = 0
    const all = [...this.#walked]
    const isFar = this.#waiting.length > 0 || all.some(({ density }) => density === undefined)
    if (isFar || !walked.density) {
      walked.asked = walked.density?.messagesPerPage ?? 0
      return undefined
    }
    const left = all.reduce((sum, one) => sum + messagesLeft(one), 0)
    const share = Math.max(leastPart(walked.density), Math.ceil(left / all.length))
    walked.asked = Math.min(walked.density.messagesPerPage, share)
    return share
  }

  /** A page of so many messages is there, and this is left; undefined at the end. */
  advance(walked: WalkedRange, rest: RestOfRange | undefined, messages: number): void {
    if (!rest) {
      this.#walked.delete(walked)
      return
    }
    const seconds = secondsOf(walked.range.before) - secondsOf(rest.before)
    if (seconds > 0 && messages > 0) {
      const messagesPerPage = Math.max(messages, walked.density?.messagesPerPage ?? 0)
      walked.density = { secondsPerMessage: seconds / messages, messagesPerPage }
    }
    walked.asked = 0
    Object.assign(walked.range, rest)
  }

  #begin(range: ReceivedRange, density: Density | undefined): WalkedRange {
    const walked = { range: { ...range }, density, asked: 0, readSingly: new Set<MessageId>() }
    this.#walked.add(walked)
    return walked
  }
}

/** Those that nobody has asked for yet, as far as is known. */
function messagesLeft({ range, density, asked }: WalkedRange): number {
  if (!density) return 0
  return Math.max(0, (secondsOf(range.before) - secondsOf(range.from)) / density.secondsPerMessage - asked)
}

function leastPart({ messagesPerPage }: Density): number {
  return Math.min(LEAST_PART, messagesPerPage)
}

/** Of what is left: whoever reads the range is, on average, in the middle of a page. */
function olderPart(left: number, asked: number): number {
  return Math.min(left, (left + asked / 2) / 2)
}
