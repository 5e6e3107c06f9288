import type { ExtractionId } from '../extractions/extraction.ts'
import type { Flag, MessageHeader, Recipient } from './message.ts'

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
}

/** Position in a listing, newest first: the received time and the row, which no two messages share. */
export interface EmailPosition {
  receivedDateTime: string
  row: number
}

/** Reads stored mail back. */
export interface EmailReader {
  countEmails(extraction: ExtractionId): Promise<number>
  /** Stored mail of the extraction's mailbox, newest first, after a position. */
  listEmails(
    extraction: ExtractionId,
    query: { limit: number; after?: EmailPosition | undefined },
  ): Promise<{ items: StoredEmail[]; next: EmailPosition | null }>
}
