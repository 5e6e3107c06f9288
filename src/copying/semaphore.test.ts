import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Semaphore } from './semaphore.ts'

const NEVER = new AbortController().signal

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
