import type { Generated } from 'kysely'

/**
 * Rows as the code sees them: times are ISO 8601 text in UTC, JSON is text, booleans are 0 and 1. SQLite keeps them like
 * that; Postgres has types of its own for them, which its dialect turns into these.
 */

export interface ExtractionsTable {
  seq: Generated<number>
  id: string
  connection_id: string
  batch_id: string | null
  user_upn: string
  /** The address it was asked for by, folded; unlike `mailbox_key` it never changes. */
  address_key: string
  /** Object id of the mailbox once known, the folded address before: one worker per key. */
  mailbox_key: string
  mailbox_id: number | null
  credentials_id: number | null
  options: string
  status: string
  /** Raised by each claim; a write that repeats an older one changes nothing. */
  epoch: Generated<number>
  /** Fair share: the lowest tag is next. */
  fair_tag: number
  /** Workers lost since a page was last saved. */
  crashes: Generated<number>
  created_at: string
  started_at: string | null
  completed_at: string | null
  error_code: string | null
  error_message: string | null
  /** Why a running extraction gets no answer at present, for people. */
  waiting_for: string | null
  folders_total: Generated<number>
  folders_done: Generated<number>
  messages_total: Generated<number>
  messages_covered: Generated<number>
  messages_listed: Generated<number>
  messages_stored: Generated<number>
  messages_unchanged: Generated<number>
  messages_removed: Generated<number>
  messages_skipped: Generated<number>
  attachments_total: Generated<number>
  attachments_stored: Generated<number>
  attachments_skipped: Generated<number>
  bytes_stored: Generated<number>
  requests: Generated<number>
  retries: Generated<number>
  throttled_ms: Generated<number>
  active_ms: Generated<number>
  /** Messages that Graph counts in the mailbox and that are in none of the folders it lists; null where not looked at. */
  messages_unlisted: number | null
}

interface BatchesTable {
  seq: Generated<number>
  id: string
  source: string
  wish: string
  exclude: string
  options: string
  credentials_id: number | null
  /** 0 while the directory still has members to list. */
  listed: number
  listing_link: string | null
  error_code: string | null
  error_message: string | null
  created_at: string
}

interface CredentialsTable {
  id: Generated<number>
  /** Keyed hash of the content, so that a batch after batch with one app stores it once. */
  fingerprint: string
  /** AES-256-GCM of the JSON. */
  sealed: string
  created_at: string
}

interface MailboxesTable {
  id: Generated<number>
  object_id: string
  user_upn: string
  created_at: string
  /** When each of its folders was last asked what lies below it; null where that was never noted. */
  folders_walked_at: string | null
}

interface FoldersTable {
  mailbox_id: number
  id: string
  parent_folder_id: string | null
  display_name: string
  path: string
  is_hidden: number
  is_recoverable: number
  total_item_count: number
  removed_at: string | null
}

export interface LanesTable {
  mailbox_id: number
  folder_id: string
  /** Which form of the body the mail of this folder is kept in. */
  body: string
  /** What the run asks for besides: see ExtractionOptions. */
  attachments: 'none' | 'metadata' | 'content'
  mime: number
  /** How the folder is walked: see Way in copying/checkpoint.ts. */
  source: 'delta' | 'list'
  content: 'whole' | 'ids'
  at: 'start' | 'page' | 'end'
  link: string | null
  /** The run that walks the lane, and whether it got to the end. */
  extraction_id: string
  done: number
  /** The mail that the last walk to the end left complete, as the JSON of Spans in copying/spans.ts. */
  received: string
  /** The mail that the walk in progress is of; the same form. */
  wanted: string
  /** What Graph counted in the folder when the run began. */
  expected: number
  /** What Graph counted when the walk had ended; null before that. */
  listed_by_graph: number | null
  /** Items of this run, each once: listed = stored + unchanged + removed + skipped. */
  listed: number
  stored: number
  unchanged: number
  removed: number
  skipped: number
  /** 1 while the lane is walked anew over mail that is already stored: see rewalks.ts. */
  rewalks: number
  /** 1 while the folder is filled by ranges: see copying/fill-folder.ts. */
  filling: number
}

/** Stretches of received time of folders that are being filled, as far as they are still to be read. */
export interface RangesTable {
  mailbox_id: number
  folder_id: string
  number: number
  /** Times as Graph is asked for them. */
  from_time: string
  before_time: string
  link: string | null
}

/** What a walk that began anew, or beside ranges, has seen so far; emptied at its end. */
interface WalkedMessagesTable {
  mailbox_id: number
  folder_id: string
  message_id: string
  /** Of the version that the walk came by, where it only notes what there is. */
  change_key: string | null
}

/** The ledger: messages, and parts of messages, that Graph lists and could not give. */
interface SkippedEmailsTable {
  mailbox_id: number
  message_id: string
  /** Empty for the message itself; `attachments` where they could not even be listed; else the id of an attachment. */
  part: string
  folder_id: string
  code: string
  reason: string
  attempts: number
  first_seen: string
  last_seen: string
  /** 1 for a part that is to be tried again. */
  reopened: Generated<number>
}

export interface EmailsTable {
  row: Generated<number>
  mailbox_id: number
  id: string
  parent_folder_id: string
  change_key: string | null
  message_type: string
  subject: string | null
  body: string | null
  body_type: string | null
  body_text: string | null
  /** Which form of the body was asked for when this row was written. */
  body_kept: string
  body_preview: string | null
  importance: string | null
  conversation_id: string | null
  internet_message_id: string | null
  created_date_time: string | null
  last_modified_date_time: string | null
  received_date_time: string | null
  sent_date_time: string | null
  has_attachments: number
  is_draft: number
  is_read: number
  recipients: string
  categories: string
  flag: string | null
  inference_classification: string | null
  web_link: string | null
  internet_message_headers: string | null
  removed_at: string | null
  /** When the folder it is stored in was found to hold it; null for mail that was stored before this was noted. */
  in_folder_since: string | null
}

/** One row for each message that may have attachments, or whose MIME was asked for. */
export interface EmailContentsTable {
  mailbox_id: number
  email_id: string
  /** What is held of the attachments of this version of the message. */
  attachments: 'none' | 'metadata' | 'content'
  /** What of it the run still has to fetch; rows without content are counted in `attachments_total` while this says `content`. */
  attachments_pending: 'nothing' | 'listing' | 'content'
  /** `failed`: Graph cannot convert the message; `mime_error` has its word for it. */
  mime: 'none' | 'stored' | 'failed'
  mime_pending: number
  /** 1 while one of the two is pending: the condition of an index. */
  pending: number
  mime_sha256: string | null
  mime_size: number | null
  mime_error: string | null
}

export interface EmailAttachmentsTable {
  mailbox_id: number
  email_id: string
  ordinal: number
  attachment_id: string
  attachment_name: string | null
  content_type: string | null
  /** As Graph counts: more than the content. */
  size: number
  is_inline: number
  content_id: string | null
  kind: 'file' | 'item' | 'reference'
  last_modified_date_time: string | null
  /** Of the content, once it is in the blob store. */
  sha256: string | null
  content_size: number | null
}

/** Blobs that are, or were until an erasure, referred to; each row is locked while a reference is made or the blob is freed. */
interface BlobsTable {
  sha256: string
  size: number
}

export interface Schema {
  extractions: ExtractionsTable
  batches: BatchesTable
  credentials: CredentialsTable
  mailboxes: MailboxesTable
  folders: FoldersTable
  lanes: LanesTable
  ranges: RangesTable
  walked_messages: WalkedMessagesTable
  skipped_emails: SkippedEmailsTable
  emails: EmailsTable
  email_contents: EmailContentsTable
  email_attachments: EmailAttachmentsTable
  blobs: BlobsTable
}
