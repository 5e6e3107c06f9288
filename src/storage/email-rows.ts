import type { FolderId } from '../copying/mailbox.ts'
import type { Flag, MessageHeader, MessagePatch, Recipient } from '../copying/message.ts'
import type { KeptMessage, MailboxKey } from '../copying/message-store.ts'
import type { StoredAttachment, StoredEmail } from '../copying/stored-email.ts'
import type { BodyOption } from '../extractions/options.ts'
import type { EmailRow } from './dialects/dialect.ts'
import { toJson } from './json.ts'
import type { EmailAttachmentsTable } from './schema.ts'
import { storableTime } from './times.ts'

const NONE = '[]'

export function toEmailRow(
  mailbox: MailboxKey,
  folder: FolderId,
  kept: BodyOption,
  message: KeptMessage,
  now: string,
): EmailRow {
  return {
    mailbox_id: mailbox,
    id: message.id,
    parent_folder_id: folder,
    change_key: message.changeKey,
    message_type: message.messageType,
    subject: message.subject,
    body: message.body,
    body_type: message.bodyType,
    body_text: message.bodyText,
    body_kept: kept,
    body_preview: message.bodyPreview,
    importance: message.importance,
    conversation_id: message.conversationId,
    internet_message_id: message.internetMessageId,
    created_date_time: storableTime(message.createdDateTime),
    last_modified_date_time: storableTime(message.lastModifiedDateTime),
    received_date_time: storableTime(message.receivedDateTime),
    sent_date_time: storableTime(message.sentDateTime),
    has_attachments: Number(message.hasAttachments),
    is_draft: Number(message.isDraft),
    is_read: Number(message.isRead),
    recipients: jsonList(message.recipients),
    categories: jsonList(message.categories),
    flag: message.flag && toJson(message.flag),
    inference_classification: message.inferenceClassification,
    web_link: message.webLink,
    internet_message_headers: message.internetMessageHeaders && toJson(message.internetMessageHeaders),
    removed_at: null,
    in_folder_since: now,
  }
}

/** Only the columns that the patch names. */
export function toPatchedColumns(patch: MessagePatch): Partial<EmailRow> {
  const columns: Partial<EmailRow> = {}
  if (patch.isRead !== undefined) columns.is_read = Number(patch.isRead)
  if (patch.flag !== undefined) columns.flag = patch.flag && toJson(patch.flag)
  if (patch.categories !== undefined) columns.categories = jsonList(patch.categories)
  if (patch.importance !== undefined) columns.importance = patch.importance
  if (patch.inferenceClassification !== undefined) columns.inference_classification = patch.inferenceClassification
  return columns
}

/** Bytes of mail content, as stored. */
export function contentBytes(message: KeptMessage): number {
  return Buffer.byteLength(message.body ?? '') + Buffer.byteLength(message.bodyText ?? '')
}

function jsonList(list: readonly unknown[]): string {
  return list.length === 0 ? NONE : toJson(list)
}

export type ReadEmailRow = EmailRow & {
  row: number
  user_upn: string
  folder_name: string | null
  folder_path: string | null
  mime_sha256: string | null
  mime_size: number | null
  mime_error: string | null
}

export function toStoredEmail(row: ReadEmailRow, attachments: readonly EmailAttachmentsTable[]): StoredEmail {
  return {
    id: row.id,
    user_upn: row.user_upn,
    subject: row.subject ?? null,
    body: row.body ?? null,
    body_preview: row.body_preview ?? null,
    importance: row.importance ?? null,
    conversation_id: row.conversation_id ?? null,
    created_date_time: row.created_date_time ?? null,
    received_date_time: row.received_date_time ?? null,
    sent_date_time: row.sent_date_time ?? null,
    has_attachments: row.has_attachments === 1,
    is_draft: row.is_draft === 1,
    is_read: row.is_read === 1,
    parent_folder_id: row.parent_folder_id,
    folder_name: row.folder_name ?? '',
    recipients: JSON.parse(row.recipients) as Recipient[],
    folder_path: row.folder_path ?? '',
    internet_message_id: row.internet_message_id ?? null,
    body_type: (row.body_type ?? null) as 'html' | 'text' | null,
    body_text: row.body_text ?? null,
    categories: JSON.parse(row.categories) as string[],
    flag: row.flag ? (JSON.parse(row.flag) as Flag) : null,
    inference_classification: row.inference_classification ?? null,
    change_key: row.change_key ?? null,
    web_link: row.web_link ?? null,
    internet_message_headers: row.internet_message_headers
      ? (JSON.parse(row.internet_message_headers) as MessageHeader[])
      : null,
    message_type: row.message_type,
    removed_at: row.removed_at ?? null,
    attachments: attachments.map(toStoredAttachment),
    mime: row.mime_sha256 === null ? null : { sha256: row.mime_sha256, size: row.mime_size ?? 0 },
    mime_error: row.mime_error,
  }
}

function toStoredAttachment(row: EmailAttachmentsTable): StoredAttachment {
  return {
    attachment_id: row.attachment_id,
    attachment_name: row.attachment_name,
    content_type: row.content_type,
    size: row.size,
    is_inline: row.is_inline === 1,
    content_id: row.content_id,
    kind: row.kind,
    sha256: row.sha256,
  }
}
