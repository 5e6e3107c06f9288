import type { BlobStore, Sha256 } from './blob-store.ts'
import type { MailboxKey } from './message-store.ts'

/** Messages whose rows and blobs go together: short enough for those who wait for the database meanwhile. */
const MESSAGES_AT_ONCE = 100

/** Forgets mailboxes. What one call returned from stays erased, whatever happens next. */
export interface ErasureStore {
  /**
   * From now on nothing that is stored of the mailbox can be found, and a new run begins at nothing. Undefined when nothing is
   * stored under this address; throws `extraction_active` while an extraction of it has not ended.
   */
  beginErasure(userUpn: string): Promise<MailboxKey | undefined>
  /** Mailboxes whose erasure has begun and not ended. */
  listErasures(): Promise<MailboxKey[]>
  /**
   * Erases some messages of the mailbox with all that belongs to them, and the blobs that nobody else refers to. A blob is
   * deleted while nobody can come to refer to it. Answers whether there may be more.
   */
  eraseMessages(mailbox: MailboxKey, limit: number, deleteBlob: (sha256: Sha256) => Promise<void>): Promise<boolean>
  /** Erases what is left once there are no messages. */
  endErasure(mailbox: MailboxKey): Promise<void>
}

/** Erases all that is stored of a mailbox; false when that is nothing. A crash in the middle is made up for by `resumeErasures`. */
export async function eraseMailbox(userUpn: string, store: ErasureStore, blobs: BlobStore): Promise<boolean> {
  const mailbox = await store.beginErasure(userUpn)
  if (mailbox === undefined) return false
  await erase(mailbox, store, blobs)
  return true
}

/** Goes on with what an earlier process did not bring to its end. */
export async function resumeErasures(store: ErasureStore, blobs: BlobStore): Promise<void> {
  for (const mailbox of await store.listErasures()) await erase(mailbox, store, blobs)
}

async function erase(mailbox: MailboxKey, store: ErasureStore, blobs: BlobStore): Promise<void> {
  while (await store.eraseMessages(mailbox, MESSAGES_AT_ONCE, (sha256) => blobs.delete(sha256))) {
    // the next ones, in a transaction of their own
  }
  await store.endErasure(mailbox)
}
