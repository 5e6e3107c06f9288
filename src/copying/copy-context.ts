import type { Claim } from '../extractions/extraction.ts'
import type { ExtractionOptions } from '../extractions/options.ts'
import type { Bell } from './bell.ts'
import type { BlobStore } from './blob-store.ts'
import type { ContentStore } from './content-store.ts'
import type { Mailbox, Traffic } from './mailbox.ts'
import type { Lane, MailboxKey, MessageStore, PageToSave } from './message-store.ts'
import { StoppedError } from './stopped.ts'
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
export const NOTHING: Part = { messages: [], patches: [], unchanged: [], skipped: [], removed: [], next: undefined }

/** Stores a part and throws StoppedError when the run is to stop: after the save, so that nothing fetched is fetched again. */
export async function savePart(
  lane: Lane,
  part: Part,
  { claim, traffic, mailboxKey, store, more, lap, signal }: CopyContext,
): Promise<void> {
  const page = { ...part, usage: traffic.takeUsage(), activeMs: lap() }
  const status = await store.savePage(claim, mailboxKey, lane, page)
  if (part.messages.length > 0) more.ring()
  if (status !== 'in_progress') throw new StoppedError()
  signal.throwIfAborted()
}
