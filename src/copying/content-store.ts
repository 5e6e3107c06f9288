import type { Claim } from '../extractions/extraction.ts'
import type { ExtractionStatus } from '../extractions/extraction-status.ts'
import type { AttachmentsOption } from '../extractions/options.ts'
import type { Attachment, AttachmentId } from './attachment.ts'
import type { Blob } from './blob-store.ts'
import type { FolderId, Usage } from './mailbox.ts'
import type { MessageId } from './message.ts'
import type { Lane, MailboxKey } from './message-store.ts'

/** A message of which something is still to be fetched. */
export interface PendingContent {
  messageId: MessageId
  folderId: FolderId
  /** What is wanted of its attachments and not there: 'listing' when they have to be listed (again), 'content' when only content is missing. */
  attachments: 'listing' | 'content' | 'nothing'
  mime: boolean
}

/** An attachment that was listed and whose content is wanted and not there. */
export type MissingContent = Pick<Attachment, 'id' | 'kind' | 'size'>

/** What became of a listing. */
export interface SavedListing {
  status: ExtractionStatus
  /** As `missingContents` would answer now. */
  missing: MissingContent[]
}

/** A part of a message that could not be had: all its attachments (not even listed), or one of them. */
export interface SkippedPart {
  part: 'attachments' | AttachmentId
  code: string
  reason: string
}

/** What was spent since the last write of the run. */
interface Spent {
  usage: Usage
  activeMs: number
}

/** One write about one message, by the worker that holds the claim. */
export interface ContentWrite extends Spent {
  claim: Claim
  mailbox: MailboxKey
  messageId: MessageId
  /** What the run asks for. */
  wanted: AttachmentsOption
  /** With it, nothing is left to fetch for this message: as if `saveDone` followed in the same moment. */
  completes?: boolean
  /** Until this has ended it may wait for another write of the run, to be saved with it. */
  canWaitFor?: Promise<unknown>
}

/**
 * Keeps what belongs to messages beside their pages: attachments and MIME, and what of them is still to be fetched.
 * Every method that writes takes the claim and throws ClaimLostError, writing nothing, when it no longer holds; it answers
 * the status of the extraction, so that the worker hears a wish to pause or cancel at the moment its work is safe. Writes of a
 * run that come together are saved together; where one of them fails, the others are saved all the same.
 */
export interface ContentStore {
  /** Messages with something to fetch, by id, after one of them. */
  listPending(mailbox: MailboxKey, after: MessageId | undefined, limit: number): Promise<PendingContent[]>
  /** Attachments of the message without the content that is wanted; those in the ledger of this run are left out. */
  missingContents(mailbox: MailboxKey, messageId: MessageId): Promise<MissingContent[]>
  /** Puts this listing in the place of the one before; what has the same id, size and time keeps its content. */
  saveListing(write: ContentWrite, attachments: readonly Attachment[]): Promise<SavedListing>
  /**
   * Row after blob. `isThere` is asked within the transaction, once the blob can no longer be freed by others:
   * where it says no, nothing is written and BlobGoneError is thrown; put the blob again.
   */
  saveContent(
    write: ContentWrite,
    attachment: AttachmentId,
    blob: Blob,
    isThere: () => Promise<boolean>,
  ): Promise<ExtractionStatus>
  saveMime(write: ContentWrite, blob: Blob, isThere: () => Promise<boolean>): Promise<ExtractionStatus>
  /** Graph cannot convert the message: what is stored of it, with its attachments, has to do. `code` is Graph's word. */
  saveMimeFailure(write: ContentWrite, code: string): Promise<ExtractionStatus>
  /** Into the ledger. */
  savePartSkipped(write: ContentWrite, part: SkippedPart): Promise<ExtractionStatus>
  /** Nothing is left to fetch for this message. */
  saveDone(write: ContentWrite): Promise<ExtractionStatus>
  /** For a retry of the ledger: what stands there as a part of a message is to be fetched once more. Answers the lanes of the messages. */
  reopenSkipped(claim: Claim, mailbox: MailboxKey): Promise<Lane[]>
}

/** The blob was freed between its putting and its row. */
export class BlobGoneError extends Error {
  override readonly name = 'BlobGoneError'
}
