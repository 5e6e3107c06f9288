import type { ExtractionOptions } from '../extractions/options.ts'
import { choosesAllFolders, choosesByTime } from './choose-folders.ts'
import type { CopyContext } from './copy-context.ts'
import type { Folder } from './mailbox.ts'
import { EVERYTHING } from './spans.ts'

/** How often folders are counted when numbers do not fit: mail that comes and goes meanwhile makes them differ too. */
const COUNTS = 2

/**
 * Looks for mail in folders that Graph does not list (those whose class is not IPF.Note, left by migrations): it
 * counts in the mailbox and in no folder. Only a run over all folders can tell; any other answers that there is none.
 */
export async function findUnlisted(
  folders: readonly Folder[],
  options: ExtractionOptions,
  { claim, mailbox, mailboxKey, store }: CopyContext,
): Promise<number> {
  if (!choosesAllFolders(options) || choosesByTime(options)) return 0
  const held = await store.countMailbox(mailboxKey)
  let unlisted = (await mailbox.countAllMessages()) - held
  for (let counts = 0; unlisted > 0 && counts < COUNTS; counts++) {
    // The whole first: what arrives in between then makes the difference smaller, never larger.
    const all = await mailbox.countAllMessages()
    const listed = folders.filter((folder) => !folder.isRecoverable)
    const inFolders = await Promise.all(
      listed.map(async ({ id }) => (await mailbox.countMessages(id, EVERYTHING)) ?? 0),
    )
    unlisted = Math.min(unlisted, all - inFolders.reduce((sum, count) => sum + count, 0))
  }
  await store.noteUnlisted(claim, Math.max(0, unlisted))
  return Math.max(0, unlisted)
}
