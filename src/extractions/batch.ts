import type { BatchId, ExtractionError, Progress } from './extraction.ts'
import { ENDED_STATUSES, type ExtractionStatus } from './extraction-status.ts'

/** Where the members of a batch come from. Lists are stored at once; the directory is listed by a worker. */
export type BatchSource = { kind: 'users' } | { kind: 'group'; groupId: string } | { kind: 'all_users' }

/** The last thing asked of a batch as a whole, so that members not yet created follow it. */
export type BatchWish = 'run' | 'pause' | 'cancel'

export type StatusCounts = Record<ExtractionStatus, number>

export interface Batch {
  id: BatchId
  source: BatchSource
  wish: BatchWish
  /** False while the directory is still being listed, so that more members will come. */
  listed: boolean
  createdAt: string
  startedAt: string | null
  completedAt: string | null
  /** Why the directory could not be listed. */
  error: ExtractionError | null
  counts: StatusCounts
  /** Members that a worker has ever begun. */
  begunUsers: number
  progress: Progress
}

export function totalUsers(counts: StatusCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

export function endedUsers(counts: StatusCounts): number {
  return ENDED_STATUSES.reduce((sum, status) => sum + counts[status], 0)
}

/** What the members make of their batch; nothing of it is stored. */
export function batchStatus(batch: Pick<Batch, 'counts' | 'listed' | 'wish' | 'error'>): ExtractionStatus {
  const { counts, wish } = batch
  const total = totalUsers(counts)
  const moreToCome = !batch.listed && wish === 'run'

  if (counts.queued === total && wish === 'run' && (total > 0 || moreToCome)) return 'queued'
  if (counts.in_progress > 0 || counts.queued > 0 || moreToCome) return 'in_progress'
  if (counts.pausing > 0) return 'pausing'
  if (counts.cancelling > 0) return 'cancelling'
  if (batch.error) return 'failed'
  if (counts.paused > 0 || (!batch.listed && wish === 'pause')) return 'paused'
  if (counts.cancelled > 0 && (wish === 'cancel' || counts.completed === 0)) return 'cancelled'
  if (counts.completed > 0) return 'completed'
  if (counts.failed > 0) return 'failed'
  return wish === 'cancel' ? 'cancelled' : 'completed'
}
