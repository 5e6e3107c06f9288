import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Permits } from './permits.ts'
import { Semaphore } from './semaphore.ts'

const never = new AbortController().signal

test('a permit that was asked for is the next that is taken, and no other is', async () => {
  const semaphore = new Semaphore(1)
  const permits = new Permits(semaphore, never)
  await permits.ask()
  const release = await permits.acquire()
  let isTaken = false
  const second = semaphore.acquire(never).then(() => {
    isTaken = true
  })
  await null
  assert.equal(isTaken, false)
  release()
  await second
})

test('a permit that nobody has taken is given back, also one that is still waited for', async () => {
  const semaphore = new Semaphore(1)
  const release = await semaphore.acquire(never)
  {
    using permits = new Permits(semaphore, never)
    void permits.ask()
  }
  release()
  await semaphore.acquire(never)
})

test('a wait that was ended has nothing to give back', async () => {
  const semaphore = new Semaphore(0)
  const ending = new AbortController()
  const permits = new Permits(semaphore, ending.signal)
  const asked = permits.ask()
  permits[Symbol.dispose]()
  ending.abort(new Error('stopped'))
  await assert.rejects(asked, /stopped/)
})
