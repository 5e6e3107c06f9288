import type { CopyContext } from './copy-context.ts'
import { FolderGoneError } from './mailbox.ts'
import type { Lane } from './message-store.ts'

/** Further walks for a folder whose count does not fit; a mailbox in use moves on while it is being counted. */
const MAX_FURTHER_WALKS = 2

/**
 * Holds what is stored of a folder against what Graph counts in it. Where the two differ, the folder is walked on
 * by what has changed since; what still differs then stands in the report.
 */
export async function proveFolder(
  lane: Lane,
  { claim, mailbox, mailboxKey, store }: CopyContext,
  walkOn: (lane: Lane) => Promise<Lane>,
): Promise<void> {
  // The count of the folder listing costs no request, but it counts what is no message too, and is as old as the run.
  let listed = lane.expected
  let walked = lane
  for (let walks = 0; ; walks++) {
    const { stored, skipped } = await store.countFolder(mailboxKey, lane.folderId)
    if (stored + skipped === listed) break
    const counted = await mailbox.countMessages(lane.folderId)
    if (counted === undefined) throw new FolderGoneError('The folder was deleted while it was counted')
    listed = counted
    if (stored + skipped === listed || walks === MAX_FURTHER_WALKS) break
    walked = await walkOn(walked)
  }
  await store.proveLane(claim, mailboxKey, lane.folderId, listed)
}
