import type { ExtractionStatus } from '../extractions/extraction-status.ts'
import { readInParts } from './complete-page.ts'
import type { CopyContext, Part } from './copy-context.ts'
import type { MessageId } from './message.ts'
import { type Lane, MovedMeanwhileError, type PageToSave } from './message-store.ts'
import { StoppedError } from './stopped.ts'

/** Nobody moves a message to and fro so often while it is read. */
const MOST_MOVES = 10

/** Stores a part and throws StoppedError when the run is to stop: after the save, so that nothing fetched is fetched again. */
export async function savePart(lane: Lane, part: Part, context: CopyContext): Promise<void> {
  const { traffic, more, lap, signal } = context
  const status = await saveSettled(lane, { ...part, usage: traffic.takeUsage(), activeMs: lap() }, context)
  if (part.messages.length > 0) more.ring()
  if (status !== 'in_progress') throw new StoppedError()
  signal.throwIfAborted()
}

async function saveSettled(lane: Lane, page: PageToSave, context: CopyContext): Promise<ExtractionStatus> {
  const { claim, mailboxKey, store } = context
  for (let moves = 0; ; moves++) {
    try {
      return await store.savePage(claim, mailboxKey, lane, page)
    } catch (error) {
      if (!(error instanceof MovedMeanwhileError) || moves === MOST_MOVES) throw error
      await settleMoves(error.ids, lane, context)
      page = without(page, error.ids)
    }
  }
}

/**
 * A page tells what a folder held when it was made. While it was on its way, another folder was found to hold some of its
 * messages. To believe the page would hide where they are now: the other folder has told its part, and this one will tell
 * that they are gone. So each of them is asked for, and the page goes on without them.
 */
async function settleMoves(ids: ReadonlySet<MessageId>, lane: Lane, context: CopyContext): Promise<void> {
  for await (const part of readInParts([...ids], lane, context, undefined)) await savePart(lane, part, context)
}

function without(page: PageToSave, ids: ReadonlySet<MessageId>): PageToSave {
  return {
    ...page,
    messages: page.messages.filter(({ id }) => !ids.has(id)),
    patches: page.patches.filter(({ id }) => !ids.has(id)),
  }
}
