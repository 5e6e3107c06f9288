/** What a caller may ask of an extraction; every field has its default. */
export interface ExtractionOptions {
  folders: {
    /** Folder paths (`Inbox/Projects`) or well-known names; a folder brings everything below it. Empty: all folders. */
    include: readonly string[]
    /** The same words; what is excluded wins over what is included. */
    exclude: readonly string[]
  }
  body: BodyOption
  attachments: AttachmentsOption
  /** Also the RFC 822 form of each message, at one request each. */
  mime: boolean
  includeHidden: boolean
  /** Also the folder of soft-deleted items, which Graph lists only by name. */
  includeRecoverable: boolean
  /** Only mail that was received at or after this time, in whole seconds, ISO 8601, UTC; null for no such bound. */
  receivedAfter: string | null
  /** Only mail that was received before this time; the same form. */
  receivedBefore: string | null
  /** `skipped`: nothing but what stands in the ledger of the mailbox. */
  only: 'everything' | 'skipped'
}

/** Which form of the body is kept: as Graph gives it, as plain text made from it, or the two of them. */
export type BodyOption = 'html' | 'text' | 'both'

/** What is kept of attachments: nothing, what Graph lists of them, or their content as well. */
export type AttachmentsOption = 'none' | 'metadata' | 'content'

export const DEFAULT_OPTIONS: ExtractionOptions = {
  folders: { include: [], exclude: [] },
  body: 'html',
  attachments: 'content',
  mime: false,
  includeHidden: true,
  includeRecoverable: false,
  receivedAfter: null,
  receivedBefore: null,
  only: 'everything',
}
