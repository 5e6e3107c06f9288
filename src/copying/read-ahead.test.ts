import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAhead } from './read-ahead.ts'
import { Semaphore } from './semaphore.ts'

const NEVER = new AbortController().signal

/** Reads places 1 to `count`; `asked` grows with each page that is asked for. */
function read(count: number, asked: number[], unsaved = new Semaphore(4), signal: AbortSignal = NEVER) {
  const page = async (place: number) => {
    asked.push(place)
    return { page: `page ${place}`, rest: place < count ? place + 1 : undefined }
  }
  return readAhead(1, page, unsaved, signal)
}

test('pages come in order, and the next one is asked for while one is being stored', async () => {
  const asked: number[] = []
  const pages = read(3, asked)
  await pages.next()
  await Promise.resolve()
  assert.deepEqual(asked, [1, 2])
  const rest: string[] = []
  for await (const page of pages) rest.push(page)
  assert.deepEqual(rest, ['page 2', 'page 3'])
  assert.deepEqual(asked, [1, 2, 3])
})

test('no page is asked for while as many as allowed are not stored yet', async () => {
  const asked: number[] = []
  const pages = read(3, asked, new Semaphore(1))
  await pages.next()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(asked, [1])
  await pages.next() // the consumer comes back: page 1 is stored
  assert.deepEqual(asked, [1, 2])
})

test('a consumer that stops early gives back every permit', async () => {
  const unsaved = new Semaphore(2)
  for await (const page of read(5, [], unsaved)) if (page) break
  await new Promise((resolve) => setImmediate(resolve))
  const releases = await Promise.all([unsaved.acquire(NEVER), unsaved.acquire(NEVER)])
  assert.equal(releases.length, 2)
})

test('a permit is waited for in order, and the wait ends when it is told to', async () => {
  const unsaved = new Semaphore(1)
  const release = await unsaved.acquire(NEVER)
  const stop = new AbortController()
  const left = unsaved.acquire(stop.signal)
  const served = unsaved.acquire(NEVER)
  stop.abort(new Error('stopped'))
  await assert.rejects(left, /stopped/)
  release()
  release() // twice is once
  const next = await served
  next()
  await assert.rejects(unsaved.acquire(stop.signal), /stopped/)
})
