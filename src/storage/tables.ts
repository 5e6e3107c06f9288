import type { Schema } from './schema.ts'

/** Each behind those that it refers to; one that is forgotten here does not compile. */
const IN_ORDER: Record<keyof Schema, true> = {
  credentials: true,
  batches: true,
  mailboxes: true,
  extractions: true,
  folders: true,
  lanes: true,
  ranges: true,
  walked_messages: true,
  skipped_emails: true,
  emails: true,
  email_contents: true,
  email_attachments: true,
  blobs: true,
}

/** Every table, in an order in which rows can be added; in the opposite order they can be deleted. */
export const TABLES = Object.keys(IN_ORDER) as (keyof Schema)[]
