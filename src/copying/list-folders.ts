import { wantsRecoverable } from './choose-folders.ts'
import type { CopyContext } from './copy-context.ts'
import type { FolderListing } from './mailbox.ts'

/**
 * For so long a listing may build on the one before, which spares a request a folder but may miss a hidden folder that is
 * new. So a mailbox that is copied every hour pays for one full walk a day, as one does that is copied every night.
 */
const FULL_WALK_EVERY_MS = 24 * 3_600_000

/** The folders of the mailbox as they are now; where all of them were walked not long ago, not each is asked again. */
export async function listFolders(context: CopyContext): Promise<FolderListing> {
  const { clock, mailbox, mailboxKey, options, store } = context
  // A name may stand for a hidden folder that is new; that it is not there has to be sure.
  if (options.folders.include.length > 0) return walkFolders(context)
  const { folders, walkedInFullAt } = await store.lastFolders(mailboxKey)
  const ageMs = clock.now() - (walkedInFullAt ?? Number.NEGATIVE_INFINITY)
  const isRecent = ageMs >= 0 && ageMs < FULL_WALK_EVERY_MS // in the future, after a clock was set back, it says nothing
  if (!isRecent) return walkFolders(context)
  return mailbox.listFolders({ includeRecoverable: wantsRecoverable(options), known: folders })
}

/** Every folder is asked what lies below it. */
export function walkFolders({ mailbox, options }: CopyContext): Promise<FolderListing> {
  return mailbox.listFolders({ includeRecoverable: wantsRecoverable(options), known: undefined })
}
