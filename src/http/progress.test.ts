import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch, StatusCounts } from '../extractions/batch.ts'
import { type BatchId, NO_PROGRESS, type Progress } from '../extractions/extraction.ts'
import { presentBatchProgress, presentProgress } from './progress.ts'

const halfWay: Progress = {
  ...NO_PROGRESS,
  foldersTotal: 4,
  foldersDone: 1,
  messagesTotal: 1000,
  messagesCovered: 500,
  messagesStored: 400,
  messagesUnchanged: 100,
  throttledMs: 2540,
  activeMs: 10_000,
}

test('rate, share and time left come from what was copied while a worker was copying', () => {
  const { messages_per_second, percent, eta_seconds, throttled_seconds } = presentProgress(halfWay, 'in_progress')
  assert.deepEqual([messages_per_second, percent, eta_seconds, throttled_seconds], [50, 50, 10, 2.5])
})

test('there is no time left to tell while nothing runs, nor before anything was copied', () => {
  assert.equal(presentProgress(halfWay, 'paused').eta_seconds, null)
  assert.equal(presentProgress(NO_PROGRESS, 'in_progress').eta_seconds, null)
})

test('only what is completed is at 100 percent', () => {
  const all = { ...halfWay, messagesCovered: 1200 }
  assert.equal(presentProgress(all, 'in_progress').percent, 99.9)
  assert.equal(presentProgress(all, 'completed').percent, 100)
  assert.equal(presentProgress(NO_PROGRESS, 'completed').percent, 100)
})

test('where nothing was counted, folders tell the share', () => {
  assert.equal(presentProgress({ ...halfWay, messagesTotal: 0 }, 'in_progress').percent, 25)
})

function aBatch(counts: Partial<StatusCounts>, progress: Progress): Batch {
  const none: StatusCounts = {
    queued: 0,
    in_progress: 0,
    pausing: 0,
    paused: 0,
    cancelling: 0,
    cancelled: 0,
    completed: 0,
    failed: 0,
  }
  return {
    id: 'batch_1' as BatchId,
    source: { kind: 'users' },
    wish: 'run',
    listed: true,
    createdAt: '',
    startedAt: null,
    completedAt: null,
    error: null,
    counts: { ...none, ...counts },
    begunUsers: counts.in_progress ?? 0,
    progress,
  }
}

test('in a batch the members begun stand for those that wait', () => {
  const batch = aBatch({ queued: 6, in_progress: 2 }, halfWay)
  const { percent, messages_per_second, eta_seconds } = presentBatchProgress(batch, 'in_progress')
  assert.equal(percent, 12.5)
  assert.equal(messages_per_second, 100)
  assert.equal(eta_seconds, 35)
})

test('a batch with nothing begun has a share of 0 and no time left to tell', () => {
  const { percent, eta_seconds } = presentBatchProgress(aBatch({ queued: 5 }, NO_PROGRESS), 'queued')
  assert.deepEqual([percent, eta_seconds], [0, null])
})
