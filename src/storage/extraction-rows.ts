import type { Selectable } from 'kysely'
import type { ErrorCode } from '../errors.ts'
import type {
  BatchId,
  ConnectionId,
  Extraction,
  ExtractionError,
  ExtractionId,
  Progress,
} from '../extractions/extraction.ts'
import { type ExtractionStatus, isEnded } from '../extractions/extraction-status.ts'
import { DEFAULT_OPTIONS, type ExtractionOptions } from '../extractions/options.ts'
import type { ExtractionsTable } from './schema.ts'

/** Each counter of the domain with its column. */
export const COUNTER_COLUMNS = {
  foldersTotal: 'folders_total',
  foldersDone: 'folders_done',
  messagesTotal: 'messages_total',
  messagesCovered: 'messages_covered',
  messagesListed: 'messages_listed',
  messagesStored: 'messages_stored',
  messagesUnchanged: 'messages_unchanged',
  messagesRemoved: 'messages_removed',
  messagesSkipped: 'messages_skipped',
  attachmentsTotal: 'attachments_total',
  attachmentsStored: 'attachments_stored',
  attachmentsSkipped: 'attachments_skipped',
  bytesStored: 'bytes_stored',
  requests: 'requests',
  retries: 'retries',
  throttledMs: 'throttled_ms',
  activeMs: 'active_ms',
} as const satisfies Record<keyof Progress, keyof ExtractionsTable>

type CounterColumn = (typeof COUNTER_COLUMNS)[keyof Progress]

export function toProgress(row: Record<CounterColumn, number | null>): Progress {
  const counters = Object.entries(COUNTER_COLUMNS).map(([counter, column]) => [counter, Number(row[column] ?? 0)])
  return Object.fromEntries(counters) as unknown as Progress
}

export function toExtraction(row: Selectable<ExtractionsTable>): Extraction {
  return {
    id: row.id as ExtractionId,
    connectionId: row.connection_id as ConnectionId,
    batchId: row.batch_id as BatchId | null,
    userUpn: row.user_upn,
    status: row.status as ExtractionStatus,
    options: toOptions(row.options),
    createdAt: row.created_at,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    error: toError(row),
    waitingFor: row.waiting_for,
    progress: toProgress(row),
    messagesUnlisted: row.messages_unlisted,
  }
}

export function toOptions(json: string): ExtractionOptions {
  return { ...DEFAULT_OPTIONS, ...(JSON.parse(json) as Partial<ExtractionOptions>) } // rows of before know fewer options
}

export function toError(row: { error_code: string | null; error_message: string | null }): ExtractionError | null {
  if (row.error_code === null) return null
  return { code: row.error_code as ErrorCode, message: row.error_message ?? '' }
}

/** What an extraction's row holds from the moment it has this status. */
export function columnsOnEntering(status: ExtractionStatus, now: string, error?: ExtractionError) {
  return {
    status,
    waiting_for: null,
    completed_at: isEnded(status) ? now : null,
    error_code: status === 'failed' ? (error?.code ?? null) : null,
    error_message: status === 'failed' ? (error?.message ?? null) : null,
  }
}
