import type { Branded } from '../extractions/extraction.ts'

/** Graph's id of an attachment, in its immutable form. */
export type AttachmentId = Branded<string, 'AttachmentId'>

/** A file, an Outlook item (a message, an event, a contact), or a link to a file that lies elsewhere. */
export type AttachmentKind = 'file' | 'item' | 'reference'

/** An attachment as the provider lists it, without its content. */
export interface Attachment {
  id: AttachmentId
  kind: AttachmentKind
  name: string | null
  contentType: string | null
  /** Bytes as Graph counts them: more than the content, so never a checksum. */
  size: number
  isInline: boolean
  /** What `cid:` in the body refers to, without angle brackets. */
  contentId: string | null
  lastModifiedDateTime: string | null
}

/**
 * Attachments of one message that are this small together may be fetched in one answer. It is held whole and its
 * content is base64 in JSON, so the bound is about what one page of mail weighs; a larger one gains little from the
 * request it saves.
 */
export const SMALL_TOTAL_BYTES = 1_000_000
