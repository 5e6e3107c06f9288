import type { Checkpoint } from './checkpoint.ts'
import { isElsewhere } from './complete-page.ts'
import { type CopyContext, NOTHING } from './copy-context.ts'
import type { MessageId } from './message.ts'
import type { Lane } from './message-store.ts'
import { savePart } from './save-part.ts'

/** Ids looked at together. */
const AT_ONCE = 200

/**
 * Ends a walk that may have missed what it did not come by: of mail that is stored in the folder, and that the walk was not
 * told of, each is asked for before it counts as gone.
 */
export async function endTellingApart(lane: Lane, end: Checkpoint, context: CopyContext): Promise<Lane> {
  const { mailboxKey, store } = context
  let after: MessageId | undefined
  for (;;) {
    const { ids, last } = await store.unwalkedMessages(mailboxKey, lane.folderId, after)
    if (last === undefined) break
    after = last
    for (let begin = 0; begin < ids.length; begin += AT_ONCE) {
      await tellApart(ids.slice(begin, begin + AT_ONCE), lane, context)
    }
  }
  return endWalk(lane, end, context)
}

/** Ends a walk that came by everything that is stored in the folder, or after which what it missed was asked for. */
export async function endWalk(lane: Lane, end: Checkpoint, context: CopyContext): Promise<Lane> {
  await savePart(lane, { ...NOTHING, next: end, isToldApart: true }, context)
  return { ...lane, checkpoint: end, filling: false }
}

async function tellApart(ids: readonly MessageId[], lane: Lane, context: CopyContext): Promise<void> {
  const readings = await Promise.all(ids.map((id) => context.mailbox.readMessage(id)))
  const isGone = (_: unknown, index: number) => {
    const reading = readings[index]
    return reading?.is === 'gone' || (reading?.is === 'had' && isElsewhere(reading.value.folderId, lane, context))
  }
  const removed = ids.filter(isGone)
  const unchanged = ids.filter((id) => !removed.includes(id))
  await savePart(lane, { ...NOTHING, removed, unchanged }, context)
}
