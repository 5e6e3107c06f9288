import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FIRST_PAGE_SIZE, sizeAfterPage, smallerSize } from './page-size.ts'

const quick = { bytes: 500_000, elapsedMs: 300 }

test('a quick, full page makes the next one four times as large, up to the largest that Graph takes', () => {
  let size = FIRST_PAGE_SIZE
  const sizes = []
  for (let page = 0; page < 3; page++) {
    size = sizeAfterPage(size, { items: size, ...quick })
    sizes.push(size)
  }
  assert.deepEqual(sizes, [400, 1000, 1000])
})

test('the size follows what a page of two megabytes would hold, whether the page that tells was full or not', () => {
  assert.equal(sizeAfterPage(200, { items: 200, bytes: 1_400_000, elapsedMs: 50 }), 285)
  assert.equal(sizeAfterPage(200, { items: 120, bytes: 840_000, elapsedMs: 50 }), 285)
  assert.equal(sizeAfterPage(285, { items: 285, bytes: 1_995_000, elapsedMs: 50 }), 285)
})

test('messages that turn out larger make pages smaller', () => {
  assert.equal(sizeAfterPage(400, { items: 400, bytes: 4_000_000, elapsedMs: 50 }), 200)
  assert.equal(sizeAfterPage(1, { items: 1, bytes: 7_000_000, elapsedMs: 50 }), 1)
})

test('where Graph brings less than we can store, pages grow to four megabytes', () => {
  assert.equal(sizeAfterPage(400, { items: 400, bytes: 2_800_000, elapsedMs: 401 }), 571)
  assert.equal(sizeAfterPage(400, { items: 400, bytes: 2_800_000, elapsedMs: 400 }), 285)
  assert.equal(sizeAfterPage(571, { items: 571, bytes: 3_997_000, elapsedMs: 900 }), 571)
})

test('a slow page and one far from full leave the size as it is', () => {
  assert.equal(sizeAfterPage(100, { items: 100, bytes: 500_000, elapsedMs: 2_001 }), 100)
  assert.equal(sizeAfterPage(100, { items: 10, ...quick }), 100)
})

test('a page that is heavy in memory halves the size', () => {
  assert.equal(sizeAfterPage(100, { items: 100, bytes: 8_000_001, elapsedMs: 300 }), 50)
})

test('halving ends at one item, and a good page of one grows again', () => {
  const sizes = [FIRST_PAGE_SIZE]
  for (let step = 0; step < 6; step++) sizes.push(smallerSize(sizes.at(-1) ?? 1))
  assert.deepEqual(sizes, [100, 50, 25, 12, 6, 3, 1])
  assert.equal(smallerSize(1), 1)
  assert.equal(sizeAfterPage(1, { items: 1, ...quick }), 4)
})
