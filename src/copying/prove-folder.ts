import type { CopyContext } from './copy-context.ts'
import { FolderGoneError, type Mailbox, RangesRefusedError } from './mailbox.ts'
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
  const { folderId, received } = lane
  // The count of the folder listing costs no request, but it counts what is no message too, and is as old as the run.
  let listed: number | null = lane.expected
  let walked = lane
  for (let walks = 0; ; walks++) {
    const { stored, skipped } = await store.countFolder(mailboxKey, folderId, received)
    if (stored + skipped === listed) break
    listed = await count(mailbox, lane)
    if (listed === null || stored + skipped === listed || walks === MAX_FURTHER_WALKS) break
    walked = await walkOn(walked)
  }
  await store.proveLane(claim, mailboxKey, folderId, listed)
}

/** Null where Graph does not count by time. */
async function count(mailbox: Mailbox, { folderId, received }: Lane): Promise<number | null> {
  try {
    const counted = await mailbox.countMessages(folderId, received)
    if (counted === undefined) throw new FolderGoneError('The folder was deleted while it was counted')
    return counted
  } catch (error) {
    if (error instanceof RangesRefusedError) return null
    throw error
  }
}
