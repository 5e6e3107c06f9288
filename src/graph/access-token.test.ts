import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AppError } from '../errors.ts'
import { AccessTokenSource } from './access-token.ts'
import type { Failure } from './failure.ts'
import { LoginError } from './login.ts'
import { HastyClock, settled, VirtualClock } from './testing/clocks.ts'
import { TokenRegistry } from './token-registry.ts'

const auth = { kind: 'secret' as const, tenantId: 'contoso.example', clientId: 'app', clientSecret: 'secret' }
const never = new AbortController().signal

/** A source whose login answers with these failures first, then with token-1, token-2, … */
function arrange(failures: Failure[] = [], lifeMs = 3_600_000) {
  const clock = new HastyClock()
  const asked = { times: 0 }
  const login = async () => {
    asked.times++
    await settled()
    const failure = failures.shift()
    if (failure) throw new LoginError(failure)
    return { token: `token-${asked.times}`, expiresOnTimestamp: clock.now() + lifeMs }
  }
  return { clock, asked, source: new AccessTokenSource(auth, { login, clock, random: () => 1 }) }
}

test('all who ask at once share one login', async () => {
  const { source, asked } = arrange()
  const tokens = await Promise.all(Array.from({ length: 50 }, () => source.get(never)))
  assert.deepEqual(new Set(tokens), new Set(['token-1']))
  assert.equal(await source.get(never), 'token-1')
  assert.equal(asked.times, 1)
})

test('a token is renewed some minutes before it ends, a short one when a fifth of its life is left', async () => {
  for (const [lifeMs, earlyMs] of [
    [3_600_000, 300_000],
    [60_000, 12_000],
  ] as const) {
    const { source, clock } = arrange([], lifeMs)
    await source.get(never)
    clock.pass(lifeMs - earlyMs - 1)
    assert.equal(await source.get(never), 'token-1')
    clock.pass(1)
    assert.equal(await source.get(never), 'token-2')
  }
})

test('a refused token is replaced, once, however many requests it was refused for', async () => {
  const { source, asked } = arrange()
  const token = await source.get(never)
  source.renew(token)
  assert.equal(await source.get(never), 'token-2')
  source.renew(token)
  assert.equal(await source.get(never), 'token-2')
  assert.equal(asked.times, 2)
})

test('a login service that is busy is waited for, and the wait has a reason', async () => {
  const { source, clock } = arrange([
    { kind: 'wait', reason: 'throttled', retryAfterMs: 30_000 },
    { kind: 'wait', reason: 'network' },
  ])
  const waits: (string | undefined)[] = []
  const sleep = clock.sleep.bind(clock)
  clock.sleep = (ms, signal) => {
    waits.push(source.waitingFor())
    return sleep(ms, signal)
  }
  assert.equal(await source.get(never), 'token-3')
  assert.deepEqual(clock.slept, [30_000, 2_000])
  assert.deepEqual(waits, ['the login service is busy', 'the login service cannot be reached'])
  assert.equal(source.waitingFor(), undefined)
})

test('a login service that stays away is given up in the end, by its name', async () => {
  const { source } = arrange(Array(20).fill({ kind: 'wait', reason: 'network' }))
  await assert.rejects(
    source.get(never),
    (error) => error instanceof AppError && error.code === 'graph_unavailable' && /login service/.test(error.message),
  )
})

describe('a login that is refused', () => {
  const refused: Failure = { kind: 'fail', code: 'app_secret_invalid', message: 'Use the value of the secret.' }
  const isRefused = (error: unknown) => error instanceof AppError && error.code === 'app_secret_invalid'

  test('is told to all who wait, and not asked for again for some seconds', async () => {
    const { source, asked } = arrange([refused])
    const answers = await Promise.allSettled([source.get(never), source.get(never)])
    assert.ok(answers.every((answer) => answer.status === 'rejected' && isRefused(answer.reason)))
    await assert.rejects(source.get(never), isRefused)
    assert.equal(asked.times, 1)
  })

  test('is tried again later', async () => {
    const { source, clock } = arrange([refused])
    await assert.rejects(source.get(never), isRefused)
    clock.pass(5_000)
    assert.equal(await source.get(never), 'token-2')
  })
})

test('aborting ends the wait of one, not the login that others wait for', async () => {
  const { source } = arrange()
  const controller = new AbortController()
  const reason = new Error('paused')
  const other = source.get(never)
  const mine = assert.rejects(source.get(controller.signal), (error) => error === reason)
  controller.abort(reason)
  await mine
  assert.equal(await other, 'token-1')
})

test('a login that nobody waits for any more is not tried again', async () => {
  const clock = new VirtualClock()
  const login = async () => {
    throw new LoginError({ kind: 'wait', reason: 'network' })
  }
  const source = new AccessTokenSource(auth, { login, clock, random: () => 1 })
  const controller = new AbortController()
  const mine = assert.rejects(source.get(controller.signal))
  await settled()
  assert.equal(clock.sleepers, 1)
  controller.abort(new Error('paused'))
  await mine
  await settled()
  assert.equal(clock.sleepers, 0)
})

test('the registry logs an app in once for any number of mailboxes, and keeps the hundred used last', () => {
  const clock = new HastyClock()
  const login = async () => ({ token: 'token', expiresOnTimestamp: clock.now() + 3_600_000 })
  const registry = new TokenRegistry({ login, clock, random: () => 1 })
  const first = registry.source(auth)
  for (let i = 0; i < 150; i++) {
    registry.source({ ...auth, clientSecret: `secret ${i}` })
    assert.equal(registry.source({ ...auth }), first)
  }
  assert.equal(registry.size, 100)
})
