import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LimiterRegistry } from './limiter-registry.ts'
import { MAILBOX_LIMITS, QUOTA_WORDS, RequestLimiter } from './request-limiter.ts'
import { settled, VirtualClock } from './testing/clocks.ts'

const never = new AbortController().signal

test('four requests go at once, the fifth when one of them has ended, in order', async () => {
  const limiter = new RequestLimiter(MAILBOX_LIMITS, new VirtualClock())
  const releases = await Promise.all([1, 2, 3, 4].map(() => limiter.acquire(never)))
  const order: number[] = []
  for (const name of [5, 6]) void limiter.acquire(never).then(() => order.push(name))
  await settled()
  assert.deepEqual(order, [])
  releases[0]?.()
  releases[0]?.() // a second call changes nothing
  await settled()
  assert.deepEqual(order, [5])
  releases[1]?.()
  await settled()
  assert.deepEqual(order, [5, 6])
})

test('a fence holds everything back until its time, says why, and the wait is counted once', async () => {
  const clock = new VirtualClock()
  const limiter = new RequestLimiter(MAILBOX_LIMITS, clock)
  limiter.fence(clock.now() + 10_000, 'throttled')
  limiter.fence(clock.now() + 5_000, 'a shorter fence changes nothing')
  let started = 0
  for (let i = 0; i < 3; i++) void limiter.acquire(never).then(() => started++)
  assert.equal(limiter.waitingFor(), 'throttled')
  await clock.pass(9_999)
  assert.equal(started, 0)
  await clock.pass(1)
  assert.equal(started, 3)
  assert.equal(limiter.waitingFor(), undefined)
  assert.equal(limiter.takeHeldBackMs(), 10_000)
  assert.equal(limiter.takeHeldBackMs(), 0)
})

test('a wait ends at once when its signal is aborted, with the reason of the signal, and others move up', async () => {
  const clock = new VirtualClock()
  const limiter = new RequestLimiter({ ...MAILBOX_LIMITS, inFlight: 1 }, clock)
  const release = await limiter.acquire(never)
  const controller = new AbortController()
  const reason = new Error('paused')
  const aborted = assert.rejects(limiter.acquire(controller.signal), (error) => error === reason)
  const next = limiter.acquire(never)
  controller.abort(reason)
  await aborted
  release()
  await next
  await assert.rejects(limiter.acquire(controller.signal), (error) => error === reason)
})

test('nobody sleeps for a waiter that has gone', async () => {
  const clock = new VirtualClock()
  const limiter = new RequestLimiter(MAILBOX_LIMITS, clock)
  limiter.fence(clock.now() + 10_000, 'throttled')
  const controller = new AbortController()
  const waiting = limiter.acquire(controller.signal)
  assert.equal(clock.sleepers, 1)
  controller.abort(new Error('paused'))
  await assert.rejects(waiting)
  assert.equal(clock.sleepers, 0)
})

test('the quota is waited for, and named', async () => {
  const clock = new VirtualClock()
  const limiter = new RequestLimiter({ inFlight: 4, quota: 3, windowMs: 600_000 }, clock)
  for (let i = 0; i < 3; i++) (await limiter.acquire(never))()
  let isThrough = false
  void limiter.acquire(never).then(() => (isThrough = true))
  assert.equal(limiter.waitingFor(), QUOTA_WORDS)
  await clock.pass(599_999)
  assert.equal(isThrough, false)
  await clock.pass(2_000)
  assert.equal(isThrough, true)
})

test('where others use the same app it makes room step by step, and comes back after a quiet time', async () => {
  const clock = new VirtualClock()
  const limiter = new RequestLimiter(MAILBOX_LIMITS, clock)
  const allowed = async () => {
    const controller = new AbortController()
    const releases: (() => void)[] = []
    for (let i = 0; i < 6; i++)
      limiter.acquire(controller.signal).then(
        (release) => releases.push(release),
        () => {},
      )
    await settled()
    controller.abort(new Error('enough'))
    for (const release of releases) release()
    return releases.length
  }
  assert.equal(await allowed(), 4)
  limiter.makeRoom()
  limiter.makeRoom() // the answers to requests in flight together count once
  assert.equal(await allowed(), 3)
  for (let i = 0; i < 5; i++) {
    await clock.pass(1_000)
    limiter.makeRoom()
  }
  assert.equal(await allowed(), 1)
  await clock.pass(60_000)
  assert.equal(await allowed(), 2)
  await clock.pass(120_000)
  assert.equal(await allowed(), 4)
})

describe('the registry', () => {
  test('gives the same limiter for the same app and mailbox', () => {
    const registry = new LimiterRegistry(new VirtualClock())
    assert.equal(registry.limiter('a', MAILBOX_LIMITS), registry.limiter('a', MAILBOX_LIMITS))
    assert.notEqual(registry.limiter('a', MAILBOX_LIMITS), registry.limiter('b', MAILBOX_LIMITS))
  })

  test('forgets limiters that have been idle for longer than their window, and none in use', async () => {
    const clock = new VirtualClock()
    const registry = new LimiterRegistry(clock)
    for (let i = 0; i < 50; i++) (await registry.limiter(`idle ${i}`, MAILBOX_LIMITS).acquire(never))()
    const used = registry.limiter('used', MAILBOX_LIMITS)
    await used.acquire(never)
    await clock.pass(700_000)
    assert.equal(registry.limiter('used', MAILBOX_LIMITS), used)
    assert.equal(registry.size, 1)
  })
})

test('whatever comes: never more in flight, never more in a window, none inside a fence, and everybody is served', async () => {
  const limits = { inFlight: 4, quota: 12, windowMs: 60_000 }
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('ask' as const),
      burst: fc.integer({ min: 1, max: 8 }),
      lastsMs: fc.integer({ min: 0, max: 20_000 }),
    }),
    fc.record({ kind: fc.constant('fence' as const), forMs: fc.integer({ min: 1, max: 90_000 }) }),
    fc.record({ kind: fc.constant('makeRoom' as const) }),
    fc.record({ kind: fc.constant('abortOne' as const) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 30_000 }) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 20, maxLength: 60 }), async (events) => {
      const clock = new VirtualClock()
      const limiter = new RequestLimiter(limits, clock)
      const starts: number[] = []
      const waiting = new Set<AbortController>()
      let inFlight = 0
      let fencedUntil = 0
      const broken: string[] = []

      const ask = async (lastsMs: number) => {
        const controller = new AbortController()
        waiting.add(controller)
        const release = await limiter.acquire(controller.signal).catch(() => undefined)
        waiting.delete(controller)
        if (!release) return
        starts.push(clock.now())
        inFlight++
        if (inFlight > limits.inFlight) broken.push('too many in flight')
        if (clock.now() < fencedUntil) broken.push('inside a fence')
        const inWindow = starts.filter((at) => at > clock.now() - limits.windowMs).length
        if (inWindow > limits.quota) broken.push('over the quota')
        await clock.sleep(lastsMs)
        inFlight--
        release()
      }
      for (const step of events) {
        for (let i = 0; step.kind === 'ask' && i < step.burst; i++) void ask(step.lastsMs)
        if (step.kind === 'makeRoom') limiter.makeRoom()
        if (step.kind === 'abortOne') [...waiting][1]?.abort(new Error('paused'))
        if (step.kind === 'pass') await clock.pass(step.ms)
        if (step.kind === 'fence') {
          await settled() // whoever was let through before has noted its start
          fencedUntil = Math.max(fencedUntil, clock.now() + step.forMs)
          limiter.fence(clock.now() + step.forMs, 'fence')
        }
      }
      await clock.pass(3_600_000)
      assert.equal(waiting.size, 0, 'somebody still waits')
      assert.equal(inFlight, 0)
      assert.deepEqual(broken, [])
    }),
    { numRuns: 150 },
  )
})
