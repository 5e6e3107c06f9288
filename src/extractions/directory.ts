import type { AppCredentials } from './extraction.ts'
import type { PendingListing } from './extraction-store.ts'

export interface DirectoryPage {
  /** Addresses of users that may have a mailbox; guests are left out, for they have none. */
  userUpns: string[]
  /** The next page, or null at the end. */
  next: string | null
}

/** The users that a batch for a group or the whole tenant stands for. */
export interface Directory {
  /** One page of users; from the beginning where `link` is null. Safe to ask again for the same page. */
  listUsers(
    source: PendingListing['source'],
    link: string | null,
    credentials: AppCredentials,
    signal: AbortSignal,
  ): Promise<DirectoryPage>
}
