import type { ExtractionId } from '../extractions/extraction.ts'
import type { AttachmentId, AttachmentKind } from './attachment.ts'
import type { Blob } from './blob-store.ts'
import type { Flag, MessageHeader, MessageId, Recipient } from './message.ts'

/** A stored attachment as it is read back. */
export interface StoredAttachment {
  attachment_id: string
  attachment_name: string | null
  content_type: string | null
  /** As Graph counts: more than the content. */
  size: number
  is_inline: boolean
  content_id: string | null
  kind: AttachmentKind
  /** Of the content; null while that is not stored. */
  sha256: string | null
}

/** A stored message as it is read back: the names are those of the SQL columns and of the API. */
export interface StoredEmail {
  id: string
  user_upn: string
  subject: string | null
  body: string | null
  body_preview: string | null
  importance: string | null
  conversation_id: string | null
  created_date_time: string | null
  received_date_time: string | null
  sent_date_time: string | null
  has_attachments: boolean
  is_draft: boolean
  is_read: boolean
  parent_folder_id: string
  folder_name: string
  recipients: Recipient[]
  folder_path: string
  internet_message_id: string | null
  body_type: 'html' | 'text' | null
  body_text: string | null
  categories: string[]
  flag: Flag | null
  inference_classification: string | null
  change_key: string | null
  web_link: string | null
  internet_message_headers: MessageHeader[] | null
  message_type: string
  removed_at: string | null
  attachments: StoredAttachment[]
  /** The RFC 822 form, where it was asked for; `mime_error` is Graph's word for why there is none. */
  mime: { sha256: string; size: number } | null
  mime_error: string | null
}

/** Position in a listing, newest first: the received time and the row, which no two messages share. */
export interface EmailPosition {
  receivedDateTime: string
  row: number
}

/** Content that lies, or should lie, in the blob store. */
export interface StoredContent {
  /** Undefined while it is not stored. */
  blob: Blob | undefined
  name: string | null
  contentType: string | null
}

/** Reads stored mail back. */
export interface EmailReader {
  countEmails(extraction: ExtractionId): Promise<number>
  /** Stored mail of the extraction's mailbox, newest first, after a position. */
  listEmails(
    extraction: ExtractionId,
    query: { limit: number; after?: EmailPosition | undefined },
  ): Promise<{ items: StoredEmail[]; next: EmailPosition | null }>
  /** One message of any mailbox: Graph's ids are unique over all of them. */
  findEmail(message: MessageId): Promise<StoredEmail | undefined>
  findAttachment(message: MessageId, attachment: AttachmentId): Promise<StoredContent | undefined>
  /** Undefined when the message is not stored, or its MIME was never asked for. */
  findMime(message: MessageId): Promise<StoredContent | undefined>
  /** The blob store no longer has what the rows say: the next run fetches it again. */
  forgetBlob(blob: Blob): Promise<void>
}
