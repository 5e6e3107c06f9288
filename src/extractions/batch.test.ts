import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Batch, batchStatus, endedUsers, type StatusCounts, totalUsers } from './batch.ts'
import { EXTRACTION_STATUSES, type ExtractionStatus } from './extraction-status.ts'

function counts(given: Partial<StatusCounts>): StatusCounts {
  return { ...(Object.fromEntries(EXTRACTION_STATUSES.map((status) => [status, 0])) as StatusCounts), ...given }
}

const CASES: [
  what: string,
  batch: Partial<Pick<Batch, 'wish' | 'listed' | 'error'>> & { counts: Partial<StatusCounts> },
  status: ExtractionStatus,
][] = [
  ['nobody has begun', { counts: { queued: 3 } }, 'queued'],
  ['its members are still being listed', { listed: false, counts: {} }, 'queued'],
  ['one is being copied', { counts: { queued: 2, in_progress: 1 } }, 'in_progress'],
  ['some ended and others wait', { counts: { queued: 2, completed: 1 } }, 'in_progress'],
  ['all that is there has ended, but more will come', { listed: false, counts: { completed: 2 } }, 'in_progress'],
  ['one is still stopping', { wish: 'pause', counts: { paused: 2, pausing: 1 } }, 'pausing'],
  ['all that can be paused are', { wish: 'pause', counts: { paused: 2, completed: 1 } }, 'paused'],
  ['it was paused before anybody was listed', { wish: 'pause', listed: false, counts: {} }, 'paused'],
  ['one is still being cancelled', { wish: 'cancel', counts: { cancelled: 2, cancelling: 1 } }, 'cancelling'],
  ['it was cancelled when some had ended', { wish: 'cancel', counts: { cancelled: 2, completed: 1 } }, 'cancelled'],
  ['it was cancelled before anybody was listed', { wish: 'cancel', listed: false, counts: {} }, 'cancelled'],
  ['a member was cancelled by itself', { counts: { cancelled: 1, completed: 1 } }, 'completed'],
  ['it was cancelled after all had completed', { wish: 'cancel', counts: { completed: 2 } }, 'completed'],
  ['at least one completed', { counts: { completed: 1, failed: 5 } }, 'completed'],
  ['all failed', { counts: { failed: 2 } }, 'failed'],
  [
    'some completed, but not all could be listed',
    { error: { code: 'graph_unavailable', message: '' }, counts: { completed: 1 } },
    'failed',
  ],
  ['nobody could be listed', { error: { code: 'group_not_found', message: '' }, counts: {} }, 'failed'],
  ['the directory has nobody', { counts: {} }, 'completed'],
]

for (const [what, given, status] of CASES) {
  test(`a batch is ${status} when ${what}`, () => {
    const batch = { wish: 'run' as const, listed: true, error: null, ...given, counts: counts(given.counts) }
    assert.equal(batchStatus(batch), status)
  })
}

test('users are counted over all statuses, and those that ended apart', () => {
  const some = counts({ queued: 1, in_progress: 2, completed: 3, failed: 4, cancelled: 5 })
  assert.equal(totalUsers(some), 15)
  assert.equal(endedUsers(some), 12)
})
