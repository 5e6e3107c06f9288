/** A set of numbers kept in ascending order, so that "how many are beyond this" is one search. Small: it holds only changes. */
export class SortedKeys {
  private readonly keys: number[] = []

  private readonly compare: (left: number, right: number) => number

  constructor(compare: (left: number, right: number) => number) {
    this.compare = compare
  }

  get size(): number {
    return this.keys.length
  }

  at(index: number): number | undefined {
    return this.keys[index]
  }

  /** The number of keys for which `isBefore` holds; they must be the first ones. */
  countWhile(isBefore: (key: number) => boolean): number {
    return countWhile(this.keys.length, (index) => isBefore(this.keys[index] as number))
  }

  has(key: number): boolean {
    return this.keys[this.placeOf(key)] === key
  }

  add(key: number): void {
    const place = this.placeOf(key)
    if (this.keys[place] !== key) this.keys.splice(place, 0, key)
  }

  remove(key: number): void {
    const place = this.placeOf(key)
    if (this.keys[place] === key) this.keys.splice(place, 1)
  }

  private placeOf(key: number): number {
    return this.countWhile((other) => this.compare(other, key) < 0)
  }
}

/** Of 0 … length-1, how many fulfil a condition that the first ones fulfil and the rest do not. */
export function countWhile(length: number, holds: (index: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (holds(middle)) low = middle + 1
    else high = middle
  }
  return low
}
