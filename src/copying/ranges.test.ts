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

/** Hears of a page: how far it came, and with how many messages. */
function advance(ranges: Ranges, walked: WalkedRange, before: number, messages: number): void {
  ranges.advance(walked, { before: timeOf(before), link: null }, messages)
}

test('who has nothing to do gets the older part of the range with most left', () => {
  const ranges = new Ranges([aRange(0, 0, 10_000), aRange(1, 10_000, 12_000)])
  const [newer, older] = [take(ranges), take(ranges)]
  advance(ranges, newer, 11_800, 200)
  advance(ranges, older, 5_000, 200)
  const taken = ranges.take()
  assert.equal(taken?.split, newer.range, '1,800 messages, against 200')
  assert.deepEqual([newer.range.from, newer.range.before], [timeOf(10_900), timeOf(11_800)])
  assert.deepEqual(taken?.walked.range, { number: 2, from: timeOf(10_000), before: timeOf(10_900), link: null })
})

test('of what is left, what is on its way is not given away', () => {
  const ranges = new Ranges([aRange(0, 0, 2_000)])
  const walked = take(ranges)
  advance(ranges, walked, 1_600, 400)
  ranges.ask(walked)
  assert.equal(ranges.take()?.split?.from, timeOf(700), 'of 1,200 messages 700: whoever reads is still at 400 others')
  assert.equal(ranges.take()?.split?.from, timeOf(350), 'what was split off is as dense as what it was split off from')
})

test('a part that is smaller than a request is worth is not given away, and one that is over neither', () => {
  const ranges = new Ranges([aRange(0, 0, 1_000)])
  const walked = take(ranges)
  advance(ranges, walked, 499, 501)
  assert.equal(ranges.ask(walked), 499)
  advance(ranges, walked, 99, 400)
  assert.equal(ranges.take(), undefined, 'of 99 messages')
  ranges.advance(walked, undefined, 99)
  assert.equal(ranges.take(), undefined)
})

test('where pages hold few messages, for these are large, a part of one page is worth a request', () => {
  const ranges = new Ranges([aRange(0, 0, 100)])
  const walked = take(ranges)
  advance(ranges, walked, 95, 5)
  assert.equal(ranges.take()?.split?.from, timeOf(47))
})

test('towards the end pages get smaller, so that nobody still reads a large one when nothing is left for the others', () => {
  const ranges = new Ranges([aRange(0, 0, 3_000), aRange(1, 3_000, 6_000)])
  const walked = take(ranges)
  advance(ranges, walked, 5_500, 500)
  assert.equal(ranges.ask(walked), undefined, 'a range waits')
  const other = take(ranges)
  assert.equal(ranges.ask(walked), undefined, 'nobody knows how much is in it')
  advance(ranges, other, 2_500, 500)
  assert.equal(ranges.ask(other), 2_250, 'half of 2,000 and 2,500')
  const sizes = [600, 200, 50].map((before) => {
    advance(ranges, other, before, secondsOf(other.range.before) - before)
    advance(ranges, walked, 3_000 + before, secondsOf(walked.range.before) - 3_000 - before)
    return ranges.ask(other)
  })
  assert.deepEqual(sizes, [600, 200, 100])
  ranges.advance(walked, undefined, 50)
  assert.equal(ranges.ask(other), 100, 'whoever is alone shares with nobody')
})

test('a page within one second says nothing of how many messages are left', () => {
  const ranges = new Ranges([aRange(0, 0, 1_000)])
  const walked = take(ranges)
  ranges.advance(walked, { before: timeOf(1_000), link: 'more of this second' }, 500)
  assert.equal(walked.range.link, 'more of this second')
  assert.equal(ranges.take(), undefined)
  assert.equal(ranges.ask(walked), undefined)
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
          const size = Math.min(5, ranges.ask(walked) ?? 5)
          const page = mail.filter((second) => second >= secondsOf(from) && second < secondsOf(before)).slice(0, size)
          for (const second of page) read.set(second, (read.get(second) ?? 0) + 1)
          const last = page.at(-1)
          const isOver = page.length < size || last === undefined || last <= secondsOf(from)
          ranges.advance(walked, isOver ? undefined : { before: timeOf(last), link: null }, page.length)
          if (isOver) walkers[index] = undefined
        }
        assert.deepEqual([...read.keys()].sort(), [...mail].sort())
        assert.ok([...read.values()].every((times) => times === 1))
      },
    ),
  )
})
