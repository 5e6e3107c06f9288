import type { Checkpoint } from './checkpoint.ts'
import { isElsewhere } from './complete-page.ts'
import { type CopyContext, NOTHING } from './copy-context.ts'
import type { Lane } from './message-store.ts'
import { savePart } from './save-part.ts'

/** Ids looked at together. */
const AT_ONCE = 200

/**
 * Ends a walk that may have missed what it did not come by: of mail that is stored in the folder, and that the walk was not
 * told of, each is asked for before it counts as gone.
 */
export async function endTellingApart(lane: Lane, end: Checkpoint, context: CopyContext): Promise<Lane> {
  const { mailbox, mailboxKey, store } = context
  for (;;) {
    const unwalked = await store.unwalkedMessages(mailboxKey, lane.folderId, AT_ONCE)
    if (unwalked.length === 0) break
    const readings = await Promise.all(unwalked.map((id) => mailbox.readMessage(id)))
    const isGone = (_: unknown, index: number) => {
      const reading = readings[index]
      return reading?.is === 'gone' || (reading?.is === 'had' && isElsewhere(reading.value.folderId, lane, context))
    }
    const removed = unwalked.filter(isGone)
    const unchanged = unwalked.filter((id) => !removed.includes(id))
    await savePart(lane, { ...NOTHING, removed, unchanged }, context)
  }
  await savePart(lane, { ...NOTHING, next: end, isToldApart: true }, context)
  return { ...lane, checkpoint: end, filling: false }
}
