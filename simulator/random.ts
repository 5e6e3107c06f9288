import { createHash } from 'node:crypto'

// Everything seeded is computed from these functions, so that two processes with one seed show one world.

const GOLDEN = 0x9e3779b9

function scramble(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** One number from several, cheap enough to be asked for a million messages. */
export function mix(...numbers: number[]): number {
  let state = 0
  for (const number of numbers) {
    state = scramble(state + GOLDEN + (number | 0))
    if (number > 0xffffffff) state = scramble(state + Math.floor(number / 0x100000000))
  }
  return state
}

/** A seed number from a name. */
export function seedOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0)
}

/** A GUID that is always the same for the same name. */
export function guidOf(name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** An unsigned 32 bit number. */
  next(): number {
    this.state = (this.state + GOLDEN) >>> 0
    return scramble(this.state)
  }

  below(limit: number): number {
    return Math.floor((this.next() / 0x100000000) * limit)
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  chance(probability: number): boolean {
    return this.next() / 0x100000000 < probability
  }

  pick<Item>(list: readonly Item[]): Item {
    const item = list[this.below(list.length)]
    if (item === undefined) throw new Error('Cannot pick from an empty list')
    return item
  }
}
