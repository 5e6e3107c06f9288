import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteBudget } from './byte-budget.ts'
import { readAhead } from './read-ahead.ts'
import { UnsavedPages } from './unsaved-pages.ts'

const NEVER = new AbortController().signal

const PAGE_BYTES = 400

/** As many pages as a mailbox may have on their way, and so many bytes. */
function somePages(bytes = 10_000_000): UnsavedPages {
  return new UnsavedPages(new ByteBudget(bytes))
}

/** Reads places 1 to `count`; `asked` grows with each page that is asked for. */
function read(count: number, asked: number[], unsaved = somePages(), signal: AbortSignal = NEVER) {
  const page = async (place: number) => {
    asked.push(place)
    return { page: { place, bytes: PAGE_BYTES }, rest: place < count ? place + 1 : undefined }
  }
  return readAhead(1, page, unsaved, signal)
}

test('pages come in order, and the next one is asked for while one is being stored', async () => {
  const asked: number[] = []
  const pages = read(3, asked)
  await pages.next()
  await nextTurn()
  assert.deepEqual(asked, [1, 2])
  const rest: number[] = []
  for await (const { place } of pages) rest.push(place)
  assert.deepEqual(rest, [2, 3])
  assert.deepEqual(asked, [1, 2, 3])
})

test('no page is asked for while as many as a mailbox may have are not stored yet', async () => {
  const asked: number[] = []
  const unsaved = somePages()
  const others = await Promise.all([1, 2, 3].map(() => unsaved.enter(1, NEVER)))
  const pages = read(3, asked, unsaved)
  await pages.next()
  await nextTurn()
  assert.deepEqual(asked, [1])
  others[0]?.giveBack()
  await nextTurn()
  assert.deepEqual(asked, [1, 2])
})

test('no page is asked for while what is on its way is as heavy as may be, in whatever mailbox', async () => {
  const budget = new ByteBudget(2 * PAGE_BYTES)
  const [one, other] = [new UnsavedPages(budget), new UnsavedPages(budget)]
  const elsewhere = await other.enter(PAGE_BYTES + 1, NEVER)
  const asked: number[] = []
  const pages = read(3, asked, one)
  const first = pages.next()
  await nextTurn()
  assert.deepEqual(asked, [], 'a page that nobody knows yet is thought to be heavy')
  elsewhere.giveBack()
  await first
  await nextTurn()
  assert.deepEqual(asked, [1, 2], 'and the next one as heavy as that was')
  const another = other.enter(1, NEVER)
  await nextTurn()
  await pages.next() // the consumer comes back: page 1 is stored
  ;(await another).giveBack()
  await pages.return()
})

test('a consumer that stops early gives back all it held', async () => {
  const budget = new ByteBudget(10 * PAGE_BYTES)
  const unsaved = new UnsavedPages(budget)
  for await (const page of read(5, [], unsaved)) if (page) break
  await nextTurn()
  const shares = await Promise.all([1, 2, 3, 4].map(() => unsaved.enter(2 * PAGE_BYTES, NEVER)))
  assert.equal(shares.length, 4)
})

test('a page that cannot be had gives back all it held', async () => {
  const unsaved = somePages(PAGE_BYTES)
  const failing = readAhead(1, () => Promise.reject(new Error('no page')), unsaved, NEVER)
  await assert.rejects(failing.next(), /no page/)
  const shares = await unsaved.enter(PAGE_BYTES, NEVER)
  shares.giveBack()
})

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
