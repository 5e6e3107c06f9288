import type { StoredEmail } from '../copying/stored-email.ts'
import { type Batch, batchStatus, endedUsers, totalUsers } from '../extractions/batch.ts'
import type { Extraction } from '../extractions/extraction.ts'
import { BASE_PATH, type Email, type StartAnswer, type StatusRecord } from './contract.ts'
import type { BatchStatusAnswer } from './contract-batch.ts'
import { presentBatchProgress, presentProgress } from './progress.ts'

export function presentExtraction(extraction: Extraction): StatusRecord {
  return {
    connection_id: extraction.connectionId,
    extraction_id: extraction.id,
    batch_id: extraction.batchId,
    user_upn: extraction.userUpn,
    status: extraction.status,
    created_at: extraction.createdAt,
    started_at: extraction.startedAt,
    completed_at: extraction.completedAt,
    error: extraction.error?.message ?? null,
    error_code: extraction.error?.code ?? null,
    waiting_for: extraction.waitingFor,
    progress: presentProgress(extraction.progress, extraction.status),
  }
}

export function presentStart({ connectionId, id, userUpn, status }: Extraction, message: string): StartAnswer {
  return { connection_id: connectionId, extraction_id: id, user_upn: userUpn, status, message }
}

export function presentBatch(batch: Batch): BatchStatusAnswer {
  const status = batchStatus(batch)
  const total = totalUsers(batch.counts)
  return {
    batch_id: batch.id,
    status,
    total_users: total,
    processed_users: batch.counts.completed,
    failed_users: batch.counts.failed,
    paused_users: batch.counts.paused,
    cancelled_users: batch.counts.cancelled,
    remaining_users: total - endedUsers(batch.counts),
    created_at: batch.createdAt,
    started_at: batch.startedAt,
    completed_at: batch.completedAt,
    error: batch.error?.message ?? null,
    error_code: batch.error?.code ?? null,
    progress: presentBatchProgress(batch, status),
  }
}

export function presentEmail(email: StoredEmail): Email {
  const { recipients, folder_name, attachments, mime, mime_error, body_text, internet_message_headers, ...rest } = email
  const { folder_path, internet_message_id, body_type, categories, flag, ...before } = rest
  const { inference_classification, change_key, web_link, message_type, removed_at, ...original } = before
  return {
    ...original,
    folder_name,
    recipients,
    attachments: attachments.map((attachment) => ({
      ...attachment,
      content_url: attachment.sha256 && `${urlOf(email)}/attachments/${encodeURIComponent(attachment.attachment_id)}`,
    })),
    mime: mime && { ...mime, url: `${urlOf(email)}/mime` },
    mime_error,
    folder_path,
    internet_message_id,
    body_type,
    ...(body_text !== null && { body_text }),
    categories,
    flag,
    inference_classification,
    change_key,
    web_link,
    ...(internet_message_headers !== null && { internet_message_headers }),
    message_type,
    removed_at,
  }
}

function urlOf({ id }: StoredEmail): string {
  return `${BASE_PATH}/messages/${encodeURIComponent(id)}`
}
