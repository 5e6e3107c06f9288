import { type Batch, totalUsers } from '../extractions/batch.ts'
import type { Progress } from '../extractions/extraction.ts'
import type { ExtractionStatus } from '../extractions/extraction-status.ts'
import type { ProgressAnswer } from './contract.ts'

/** The counts of one run, with the rates and guesses a caller would make of them. */
export function presentProgress(progress: Progress, status: ExtractionStatus): ProgressAnswer {
  const share = shareCovered(progress)
  const left = Math.max(0, itemsTotal(progress) - itemsCovered(progress))
  return {
    ...counts(progress),
    messages_per_second: round(perSecond(progress.messagesStored + progress.messagesUnchanged, progress)),
    percent: percent(share, status),
    eta_seconds: status === 'in_progress' ? eta(left, perSecond(itemsCovered(progress), progress)) : null,
  }
}

/**
 * The members' sum. A member that waits has not counted its folders yet, so the mailboxes begun stand for the others.
 */
export function presentBatchProgress(batch: Batch, status: ExtractionStatus): ProgressAnswer {
  const { progress } = batch
  const total = totalUsers(batch.counts)
  const begunShare = total === 0 ? 0 : batch.begunUsers / total
  const doneShare = total === 0 ? 0 : (batch.counts.completed + batch.counts.failed) / total
  const share = Math.max(begunShare * shareCovered(progress), doneShare)

  const workers = Math.max(1, batch.counts.in_progress)
  const left = begunShare === 0 ? 0 : itemsTotal(progress) / begunShare - itemsCovered(progress)
  const guessable = status === 'in_progress' && batch.listed && begunShare > 0
  return {
    ...counts(progress),
    messages_per_second: round(workers * perSecond(progress.messagesStored + progress.messagesUnchanged, progress)),
    percent: percent(share, status),
    eta_seconds: guessable ? eta(Math.max(0, left), workers * perSecond(itemsCovered(progress), progress)) : null,
  }
}

function counts(progress: Progress) {
  return {
    folders_total: progress.foldersTotal,
    folders_done: progress.foldersDone,
    messages_total: progress.messagesTotal,
    messages_listed: progress.messagesListed,
    messages_stored: progress.messagesStored,
    messages_unchanged: progress.messagesUnchanged,
    messages_removed: progress.messagesRemoved,
    messages_skipped: progress.messagesSkipped,
    attachments_total: progress.attachmentsTotal,
    attachments_stored: progress.attachmentsStored,
    attachments_skipped: progress.attachmentsSkipped,
    bytes_stored: progress.bytesStored,
    requests: progress.requests,
    retries: progress.retries,
    throttled_seconds: round(progress.throttledMs / 1000),
  }
}

function shareCovered(progress: Progress): number {
  const { foldersDone, foldersTotal } = progress
  if (itemsTotal(progress) > 0) return itemsCovered(progress) / itemsTotal(progress)
  return foldersTotal > 0 ? foldersDone / foldersTotal : 0
}

/** Messages and contents of attachments, as far as they are known. */
function itemsTotal({ messagesTotal, attachmentsTotal }: Progress): number {
  return messagesTotal + attachmentsTotal
}

function itemsCovered({ messagesCovered, attachmentsStored, attachmentsSkipped }: Progress): number {
  return messagesCovered + attachmentsStored + attachmentsSkipped
}

function percent(share: number, status: ExtractionStatus): number {
  if (status === 'completed') return 100
  return Math.min(99.9, Math.max(0, Math.floor(share * 1000) / 10))
}

function perSecond(messages: number, { activeMs }: Progress): number {
  return activeMs > 0 ? messages / (activeMs / 1000) : 0
}

function eta(left: number, rate: number): number | null {
  return rate > 0 ? Math.ceil(left / rate) : null
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
