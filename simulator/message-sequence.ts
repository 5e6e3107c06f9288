import { countWhile, SortedKeys } from './sorted-keys.ts'

/** Where a message stands in its folder: newest first, and among equals the higher key first. */
export interface Place {
  receivedAt: number | null
  key: number
}

/** Messages in the order of a listing, newest first. Finds any position without walking to it. */
export interface MessageSequence {
  readonly length: number
  /** How many stand before the place; with `including`, also the one that stands on it. */
  countBefore(place: Place, including?: boolean): number
  /** Keys from a position on. Must not be held over a change of the mailbox. */
  keysFrom(position: number): Generator<number>
  /** The same backwards: the oldest has position 0. */
  keysFromOldest(position: number): Generator<number>
}

export type ReceivedAt = (key: number) => number | null

export function comparePlaces(left: Place, right: Place): number {
  return (right.receivedAt ?? -1) - (left.receivedAt ?? -1) || right.key - left.key
}

/**
 * A run of generated messages, less the ones that left, plus the ones that joined. Only the changes take memory, so a
 * folder of a million messages weighs nothing.
 */
export class FolderSequence implements MessageSequence {
  private readonly left = new SortedKeys((one, other) => one - other)
  private readonly joined: SortedKeys

  private readonly firstKey: number
  private readonly count: number
  private readonly receivedAt: ReceivedAt

  constructor(firstKey: number, count: number, receivedAt: ReceivedAt) {
    this.firstKey = firstKey
    this.count = count
    this.receivedAt = receivedAt
    this.joined = new SortedKeys((one, other) => comparePlaces(this.placeOf(one), this.placeOf(other)))
  }

  get length(): number {
    return this.count - this.left.size + this.joined.size
  }

  get isUntouched(): boolean {
    return this.left.size === 0 && this.joined.size === 0
  }

  has(key: number): boolean {
    return this.isOwn(key) ? !this.left.has(key) : this.joined.has(key)
  }

  add(key: number): void {
    if (this.isOwn(key)) this.left.remove(key)
    else this.joined.add(key)
  }

  remove(key: number): void {
    if (this.isOwn(key)) this.left.add(key)
    else this.joined.remove(key)
  }

  countBefore(place: Place, including = false): number {
    const limit = including ? 1 : 0
    const isBefore = (key: number) => comparePlaces(this.placeOf(key), place) < limit
    const older = countWhile(this.count, (ordinal) => !isBefore(this.firstKey + ordinal))
    const leftBefore = this.left.size - this.left.countWhile((key) => key < this.firstKey + older)
    return this.count - older - leftBefore + this.joined.countWhile(isBefore)
  }

  *keysFrom(position: number): Generator<number> {
    let { ordinal, joined } = this.find(position)
    while (true) {
      while (ordinal >= 0 && this.left.has(this.firstKey + ordinal)) ordinal--
      const own = ordinal >= 0 ? this.firstKey + ordinal : undefined
      const guest = this.joined.at(joined)
      if (own === undefined && guest === undefined) return
      if (own !== undefined && (guest === undefined || comparePlaces(this.placeOf(own), this.placeOf(guest)) < 0)) {
        ordinal--
        yield own
      } else if (guest !== undefined) {
        joined++
        yield guest
      }
    }
  }

  *keysFromOldest(position: number): Generator<number> {
    // Blocks, since the merge only runs from new to old.
    const size = 256
    for (let end = this.length - position; end > 0; end -= size) {
      const start = Math.max(0, end - size)
      const block: number[] = []
      for (const key of this.keysFrom(start)) {
        if (block.push(key) === end - start) break
      }
      yield* block.reverse()
    }
  }

  /** The merge's state at a position: by halving over the folder's own run. */
  private find(position: number): { ordinal: number; joined: number } {
    if (this.isUntouched) return { ordinal: this.count - 1 - position, joined: 0 }
    // The newest own message at or behind the position; guests may stand directly before it.
    const ordinal = countWhile(this.count, (index) => this.rankOf(index) >= position) - 1
    if (ordinal < 0) return { ordinal, joined: this.joined.size - (this.length - position) }
    const place = this.placeOf(this.firstKey + ordinal)
    const guestsBefore = this.joined.countWhile((key) => comparePlaces(this.placeOf(key), place) < 0)
    return { ordinal, joined: guestsBefore - (this.rankOf(ordinal) - position) }
  }

  private rankOf(ordinal: number): number {
    return this.countBefore(this.placeOf(this.firstKey + ordinal))
  }

  private placeOf(key: number): Place {
    return { key, receivedAt: this.receivedAt(key) }
  }

  private isOwn(key: number): boolean {
    return key >= this.firstKey && key < this.firstKey + this.count
  }
}

/** Several folders as one list, for the messages of a whole mailbox. */
export class MergedSequence implements MessageSequence {
  private readonly parts: readonly MessageSequence[]
  private readonly receivedAt: ReceivedAt

  constructor(parts: readonly MessageSequence[], receivedAt: ReceivedAt) {
    this.parts = parts
    this.receivedAt = receivedAt
  }

  get length(): number {
    return this.parts.reduce((sum, part) => sum + part.length, 0)
  }

  countBefore(place: Place, including = false): number {
    return this.parts.reduce((sum, part) => sum + part.countBefore(place, including), 0)
  }

  *keysFrom(position: number): Generator<number> {
    // Whole seconds before the position, by halving; the rest of that second is walked.
    const farFuture = 2 ** 33
    const seconds = countWhile(farFuture, (back) => this.countBefore(atStartOf(farFuture - back)) <= position) - 1
    const start = atStartOf(farFuture - Math.max(0, seconds))
    let toSkip = position - this.countBefore(start)
    const heads = this.parts.map((part) => headOf(part.keysFrom(part.countBefore(start))))
    while (true) {
      let best: Head | undefined
      for (const head of heads) {
        if (head.key === undefined) continue
        if (!best || comparePlaces(this.placeOf(head.key), this.placeOf(best.key as number)) < 0) best = head
      }
      if (best?.key === undefined) return
      if (toSkip > 0) toSkip--
      else yield best.key
      best.advance()
    }
  }

  *keysFromOldest(position: number): Generator<number> {
    const size = 256
    for (let end = this.length - position; end > 0; end -= size) {
      const start = Math.max(0, end - size)
      const block: number[] = []
      for (const key of this.keysFrom(start)) {
        if (block.push(key) === end - start) break
      }
      yield* block.reverse()
    }
  }

  private placeOf(key: number): Place {
    return { key, receivedAt: this.receivedAt(key) }
  }
}

/** Stands before every message of that second. */
function atStartOf(receivedAt: number): Place {
  return { receivedAt, key: Number.MAX_SAFE_INTEGER }
}

/** Stands behind every message of that second. */
export function atEndOf(receivedAt: number): Place {
  return { receivedAt, key: -1 }
}

interface Head {
  key: number | undefined
  advance(): void
}

function headOf(keys: Generator<number>): Head {
  const head: Head = {
    key: undefined,
    advance() {
      const next = keys.next()
      head.key = next.done ? undefined : next.value
    },
  }
  head.advance()
  return head
}
