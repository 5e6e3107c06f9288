import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ranges, type WalkedRange } from './ranges.ts'
import { type ReceivedRange, secondsOf, timeOf } from './received-range.ts'

function aRange(number: number, from: number, before: number): ReceivedRange {
  return { number, from: timeOf(from), before: timeOf(before), link: null }
}

function take(ranges: Ranges): WalkedRange {
  const taken = ranges.take()
  assert.ok(taken)
  return taken.walked
}

test('ranges are handed out once each, the newest first', () => {
  const ranges = new Ranges([aRange(0, 0, 100), aRange(1, 100, 200)])
  assert.deepEqual(
    [take(ranges), take(ranges)].map(({ range }) => range.number),
    [1, 0],
  )
  assert.equal(ranges.take(), undefined, 'nobody knows yet how long they are')
})

test('who has nothing to do gets the older half of the range with most left', () => {
  const ranges = new Ranges([aRange(0, 0, 1_000), aRange(1, 1_000, 1_200)])
  const [newer, older] = [take(ranges), take(ranges)]
  ranges.advance(newer, { before: timeOf(1_190), link: null })
  ranges.advance(older, { before: timeOf(900), link: null })
  const taken = ranges.take()
  assert.equal(taken?.split, newer.range, 'of 19 pages, against 9')
  assert.deepEqual([newer.range.from, newer.range.before], [timeOf(1_095), timeOf(1_190)])
  assert.deepEqual(taken?.walked.range, { number: 2, from: timeOf(1_000), before: timeOf(1_095), link: null })
})

test('a range that is soon read is not split, and one that is read neither', () => {
  const ranges = new Ranges([aRange(0, 0, 1_000)])
  const walked = take(ranges)
  ranges.advance(walked, { before: timeOf(660), link: null })
  assert.equal(ranges.take(), undefined, 'fewer than two pages')
  ranges.advance(walked, undefined)
  assert.equal(ranges.take(), undefined)
})

test('a page within one second says nothing of how many pages are left', () => {
  const ranges = new Ranges([aRange(0, 0, 1_000)])
  const walked = take(ranges)
  ranges.advance(walked, { before: timeOf(1_000), link: 'more of this second' })
  assert.equal(walked.range.link, 'more of this second')
  assert.equal(ranges.take(), undefined)
})

test('wherever mail lies and whoever reads how fast, every second is read, and no two read the same for long', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 300 }),
      fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 40 }),
      (seconds, order) => {
        const mail = seconds.toSorted((one, other) => other - one)
        const ranges = new Ranges([aRange(0, 0, 2_500), aRange(1, 2_500, 5_001)])
        const walkers: (WalkedRange | undefined)[] = Array(4).fill(undefined)
        const read = new Map<number, number>()
        for (let turn = 0, idle = 0; idle < 8; turn++) {
          const walker = order[turn % order.length] ?? 0
          const index = idle > 0 ? turn % 4 : walker
          const walked = walkers[index] ?? ranges.take()?.walked
          walkers[index] = walked
          if (!walked) {
            idle++
            continue
          }
          idle = 0
          const { from, before } = walked.range
          const page = mail.filter((second) => second >= secondsOf(from) && second < secondsOf(before)).slice(0, 5)
          for (const second of page) read.set(second, (read.get(second) ?? 0) + 1)
          const last = page.at(-1)
          const isOver = page.length < 5 || last === undefined || last <= secondsOf(from)
          ranges.advance(walked, isOver ? undefined : { before: timeOf(last), link: null })
          if (isOver) walkers[index] = undefined
        }
        assert.deepEqual([...read.keys()].sort(), [...mail].sort())
        assert.ok([...read.values()].every((times) => times === 1))
      },
    ),
  )
})
