import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { timeOf } from './received-range.ts'
import {
  differenceOf,
  EVERYTHING,
  edgesWithin,
  includes,
  isEverything,
  type Span,
  type Spans,
  unionOf,
} from './spans.ts'

const edge = fc.option(fc.integer({ min: 0, max: 20 }))
const span: fc.Arbitrary<Span> = fc
  .tuple(edge, edge)
  .filter(([from, before]) => from === null || before === null || from < before)
  .map(([from, before]) => ({
    from: from === null ? null : timeOf(from),
    before: before === null ? null : timeOf(before),
  }))
const spans: fc.Arbitrary<Spans> = fc.array(span, { maxLength: 4 }).map((some) => unionOf(some, []))

const TIMES = Array.from({ length: 23 }, (_, second) => timeOf(second - 1))

function timesIn(some: Spans): string[] {
  return TIMES.filter((time) => includes(some, time))
}

test('a union holds what either holds, a difference what only the first does', () => {
  fc.assert(
    fc.property(spans, spans, (one, other) => {
      const inOther = new Set(timesIn(other))
      assert.deepEqual(new Set(timesIn(unionOf(one, other))), new Set([...timesIn(one), ...inOther]))
      assert.deepEqual(
        timesIn(differenceOf(one, other)),
        timesIn(one).filter((time) => !inOther.has(time)),
      )
    }),
  )
})

test('the same times are the same spans, however they were put together', () => {
  fc.assert(
    fc.property(spans, spans, (one, other) => {
      const union = unionOf(one, other)
      assert.deepEqual(unionOf(other, one), union)
      assert.deepEqual(unionOf(union, one), union)
      assert.deepEqual(unionOf(differenceOf(union, one), one), union)
    }),
  )
})

test('all times are everything, and only everything holds mail without a time', () => {
  const halves = unionOf([{ from: null, before: timeOf(5) }], [{ from: timeOf(5), before: null }])
  assert.deepEqual(halves, EVERYTHING)
  assert.equal(isEverything(halves), true)
  assert.equal(includes(EVERYTHING, null), true)
  assert.equal(includes([{ from: null, before: timeOf(5) }], null), false)
  assert.equal(includes([], timeOf(5)), false)
})

test('a time within a second belongs where the second does', () => {
  const [from, before] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z']
  assert.equal(includes([{ from, before }], '2026-01-01T00:00:00.9999999Z'), true)
})

test('spans are cut to the time in which there is mail', () => {
  const some = [
    { from: null, before: timeOf(3) },
    { from: timeOf(6), before: timeOf(8) },
    { from: timeOf(30), before: null },
  ]
  assert.deepEqual(edgesWithin(some, 1, 10), [
    { low: 1, high: 3 },
    { low: 6, high: 8 },
  ])
})
