import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Checkpoint } from './checkpoint.ts'
import { START, USUAL_WAY } from './checkpoint.ts'
import type { FolderId, Mailbox, Page } from './mailbox.ts'
import { readAhead } from './read-ahead.ts'
import { Semaphore } from './semaphore.ts'

const FOLDER = 'inbox' as FolderId
const NEVER = new AbortController().signal

/** A mailbox of `count` pages; `asked` grows with each page that is asked for. */
function pagesOf(count: number, asked: string[]): Pick<Mailbox, 'readPage'> {
  return {
    async readPage(_folder: FolderId, from: Checkpoint): Promise<Page> {
      const number = from.at === 'start' ? 1 : Number(from.link)
      asked.push(String(number))
      const next: Checkpoint = number < count ? { at: 'page', link: String(number + 1) } : { at: 'end', link: 'delta' }
      return { messages: [], patches: [], incomplete: [], versions: [], removed: [], next }
    },
  }
}

function read(count: number, asked: string[], unsaved = new Semaphore(4), signal: AbortSignal = NEVER) {
  return readAhead(pagesOf(count, asked), { folderId: FOLDER, checkpoint: START, way: USUAL_WAY }, unsaved, signal)
}

test('pages come in order, and the next one is asked for while one is being stored', async () => {
  const asked: string[] = []
  const pages = read(3, asked)
  await pages.next()
  await Promise.resolve()
  assert.deepEqual(asked, ['1', '2'])
  const rest: Checkpoint[] = []
  for await (const page of pages) rest.push(page.next)
  assert.deepEqual(rest, [
    { at: 'page', link: '3' },
    { at: 'end', link: 'delta' },
  ])
  assert.deepEqual(asked, ['1', '2', '3'])
})

test('no page is asked for while as many as allowed are not stored yet', async () => {
  const asked: string[] = []
  const pages = read(3, asked, new Semaphore(1))
  await pages.next()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(asked, ['1'])
  await pages.next() // the consumer comes back: page 1 is stored
  assert.deepEqual(asked, ['1', '2'])
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
