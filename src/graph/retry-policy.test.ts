import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Failure, WaitReason } from './failure.ts'
import { nextStep, type Shrinkable } from './retry-policy.ts'

const lowest = () => 0
const highest = () => 1

function wait(reason: WaitReason, retryAfterMs?: number): Failure {
  return { kind: 'wait', reason, retryAfterMs }
}

/** Repeats until the policy wants something else; answers how often it repeated, and what came then. */
function run(failure: Failure, shrinkable: Shrinkable = 'no') {
  let forMs = 0
  for (let times = 1; ; times++) {
    const step = nextStep(failure, { times, forMs }, shrinkable, highest)
    if (step.do !== 'retry') return { retries: times - 1, end: step, forMs }
    forMs += step.delayMs
  }
}

test('waits double from one second to a minute, with full jitter above a floor', () => {
  const highs = [1, 2, 3, 7, 12].map((times) => nextStep(wait('network'), { times, forMs: 0 }, 'no', highest))
  assert.deepEqual(
    highs.map((step) => step.do === 'retry' && step.delayMs),
    [1_000, 2_000, 4_000, 60_000, 60_000],
  )
  assert.deepEqual(nextStep(wait('network'), { times: 12, forMs: 0 }, 'no', lowest), { do: 'retry', delayMs: 200 })
})

test('an ordinary failure is given up after twelve repetitions, naming its cause', () => {
  const { retries, end } = run(wait('network'))
  assert.equal(retries, 12)
  assert.ok(end.do === 'fail' && end.code === 'graph_unavailable' && /cannot be reached/.test(end.message))
})

test('Retry-After is obeyed in full, 200 times in a row', () => {
  assert.deepEqual(nextStep(wait('throttled', 300_000), { times: 1, forMs: 0 }, 'no', lowest), {
    do: 'retry',
    delayMs: 300_000,
  })
  assert.equal(run(wait('throttled', 10_000)).retries, 200)
  assert.equal(run(wait('server_busy', 10_000)).retries, 200)
  assert.equal(run(wait('throttled')).retries, 200)
  assert.equal(run(wait('server_busy')).retries, 12)
})

test('a mailbox on the move is waited for within a day, looking again every one to five minutes', () => {
  assert.deepEqual(nextStep(wait('mailbox_moving'), { times: 1, forMs: 0 }, 'no', lowest), {
    do: 'retry',
    delayMs: 60_000,
  })
  assert.deepEqual(nextStep(wait('mailbox_moving'), { times: 9, forMs: 0 }, 'no', highest), {
    do: 'retry',
    delayMs: 300_000,
  })
  const { forMs, end } = run(wait('mailbox_moving'))
  assert.ok(forMs > 24 * 3_600_000 && forMs < 24.2 * 3_600_000)
  assert.equal(end.do, 'fail')
})

test('a refused token is renewed at once, then more slowly, six times', () => {
  assert.deepEqual(nextStep({ kind: 'renew' }, { times: 1, forMs: 0 }, 'no', highest), { do: 'retry', delayMs: 0 })
  assert.deepEqual(nextStep({ kind: 'renew' }, { times: 2, forMs: 0 }, 'no', highest), { do: 'retry', delayMs: 1_000 })
  const { retries, end } = run({ kind: 'renew' })
  assert.equal(retries, 6)
  assert.ok(end.do === 'fail' && end.code === 'login_refused')
})

describe('a page', () => {
  const shrink = { do: 'hand_over', failure: { kind: 'shrink' } }

  test('that times out shrinks after the second time', () => {
    assert.deepEqual(run(wait('timeout'), 'yes'), { retries: 1, end: shrink, forMs: 1_000 })
  })

  test('that meets server errors or broken answers shrinks after a few', () => {
    for (const reason of ['server_error', 'broken_answer'] as const) {
      const { retries, end } = run(wait(reason), 'yes')
      assert.equal(retries, 2)
      assert.deepEqual(end, shrink)
    }
  })

  test('of one item is tried some more before the item is blamed', () => {
    const { retries, end } = run(wait('server_error'), 'last_size')
    assert.equal(retries, 5)
    assert.deepEqual(end, shrink)
  })

  test('does not shrink for what its size has nothing to do with', () => {
    for (const reason of ['network', 'throttled', 'server_busy', 'mailbox_moving'] as const)
      assert.equal(run(wait(reason), 'yes').end.do, 'fail')
  })
})

describe('a message, or what belongs to it,', () => {
  test('is tried some more before it is blamed for what it may have caused', () => {
    for (const [reason, retries] of [
      ['server_error', 5],
      ['timeout', 5],
      ['broken_answer', 5],
      ['empty_not_found', 3],
      ['payload_lost', 1],
    ] as const)
      assert.deepEqual(
        [reason, run(wait(reason), 'item').retries, run(wait(reason), 'item').end],
        [reason, retries, { do: 'hand_over', failure: { kind: 'shrink' } }],
      )
  })

  test('is not blamed for what it has nothing to do with', () => {
    for (const reason of ['network', 'throttled', 'server_busy', 'mailbox_moving', 'bandwidth_used_up'] as const)
      assert.equal(run(wait(reason), 'item').end.do, 'fail')
  })
})

test('what cannot shrink gives a server error up like any other', () => {
  const { retries, end } = run(wait('server_error'))
  assert.equal(retries, 12)
  assert.equal(end.do, 'fail')
})

test('an empty 404 is tried three times more, a lost request once', () => {
  assert.equal(run(wait('empty_not_found')).retries, 3)
  assert.equal(run(wait('payload_lost')).retries, 1)
})

test('a next link that must not be followed is refused in the end; one that repeats itself restarts the walk', () => {
  const bad = run(wait('bad_link'), 'yes')
  assert.ok(bad.end.do === 'fail' && bad.end.code === 'graph_refused')
  const repeated = run(wait('repeated_link'), 'yes')
  assert.deepEqual(repeated, { retries: 2, end: { do: 'hand_over', failure: { kind: 'restart' } }, forMs: 3_000 })
})

test('what is no matter of time is passed on as it is', () => {
  const failures: Failure[] = [{ kind: 'shrink' }, { kind: 'restart' }, { kind: 'skip', because: 'gone' }]
  for (const failure of failures)
    assert.deepEqual(nextStep(failure, { times: 1, forMs: 0 }, 'no', highest), { do: 'hand_over', failure })
  assert.deepEqual(
    nextStep({ kind: 'fail', code: 'graph_refused', message: 'no' }, { times: 1, forMs: 0 }, 'no', highest),
    { do: 'fail', code: 'graph_refused', message: 'no' },
  )
})
