import type { Clock } from '../clock.ts'
import type { Claim } from '../extractions/extraction.ts'
import type { ExtractionOptions } from '../extractions/options.ts'
import type { Bell } from './bell.ts'
import type { BlobStore } from './blob-store.ts'
import type { ContentStore } from './content-store.ts'
import type { FolderId, Mailbox, Traffic } from './mailbox.ts'
import type { MailboxKey, MessageStore, PageToSave } from './message-store.ts'
import type { UnsavedPages } from './unsaved-pages.ts'

/** What everybody who copies one mailbox has in common. */
export interface CopyContext {
  claim: Claim
  mailbox: Mailbox
  traffic: Traffic
  mailboxKey: MailboxKey
  store: MessageStore
  contents: ContentStore
  blobs: BlobStore
  options: ExtractionOptions
  /** Pages asked for and not yet stored, over all lanes of the mailbox. */
  unsaved: UnsavedPages
  /** Rings when messages were stored: something of them may have to be fetched. */
  more: Bell
  clock: Clock
  /** The folders of the mailbox, as they were listed when the run began; none where it listed none. */
  folderIds: ReadonlySet<FolderId>
  /** Milliseconds since it was last called: the time this mailbox was being copied. */
  lap: () => number
  /** Ended by the first failure of whatever copies this mailbox. */
  ending: AbortController
  /** Of `ending`, and of whoever asks the run to stop. */
  signal: AbortSignal
}

/** A page, or a part of one, without what it cost. */
export type Part = Omit<PageToSave, 'usage' | 'activeMs'>

/** A part with nothing in it, that leaves the lane where it is. */
export const NOTHING: Part = {
  messages: [],
  patches: [],
  unchanged: [],
  skipped: [],
  removed: [],
  next: undefined,
  askedAt: 0,
}
