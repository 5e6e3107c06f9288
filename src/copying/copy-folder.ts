import { type Checkpoint, START, type Way } from './checkpoint.ts'
import { completePage } from './complete-page.ts'
import type { CopyContext } from './copy-context.ts'
import { fillFolder } from './fill-folder.ts'
import { lanePages } from './lane-pages.ts'
import { CheckpointExpiredError, FolderGoneError, NoChangeTrackingError, UnreadablePageError } from './mailbox.ts'
import type { Lane } from './message-store.ts'
import { proveFolder } from './prove-folder.ts'
import { savePart } from './save-part.ts'
import { isEverything, type Spans } from './spans.ts'
import { endTellingApart } from './tell-apart.ts'

/** Listings of one folder in a row, each because the one before still found something new. */
const MAX_LISTINGS = 10

/**
 * Copies one folder from where it stopped last time, and proves that nothing is missing.
 * @param isLong whether the folder would still be walked when all others are done
 */
export async function copyFolder(lane: Lane, context: CopyContext, isLong: boolean): Promise<void> {
  try {
    const gaps = gapsOf(lane, isLong)
    const filled = lane.filling || gaps ? await fillFolder(lane, gaps, context) : lane
    const walked = await walkFolder(filled, context)
    await proveFolder(walked, context, (again) => walkFolder(again, context))
  } catch (error) {
    if (!(error instanceof FolderGoneError)) throw error
    await context.store.forgetFolder(context.claim, context.mailboxKey, lane.folderId)
  }
}

/** What is to be read by ranges before the walk; undefined where the walk itself brings all there is. */
function gapsOf(lane: Lane, isLong: boolean): Spans | undefined {
  if (lane.gaps) return lane.gaps
  // A walk is told of everything, which would be fetched for nothing.
  return isFresh(lane) && (isLong || !isEverything(lane.received)) ? lane.received : undefined
}

function isFresh({ checkpoint, way }: Lane): boolean {
  return checkpoint.at === 'start' && way.source === 'delta' && way.content === 'whole'
}

/** Walks to the end, another way where one leads no further; answers the lane as it then is. */
async function walkFolder(lane: Lane, context: CopyContext): Promise<Lane> {
  const { claim, mailboxKey, store } = context
  let current = lane
  for (let listings = 1; ; listings++) {
    try {
      const { end, foundNew } = await walkPages(current, context)
      if (current.way.source === 'delta') return { ...current, checkpoint: end }
      if (!foundNew || listings >= MAX_LISTINGS) return await endTellingApart(current, end, context)
      // A listing goes by offset over a moving set, so it may miss what moves: it is done when one finds nothing new.
      current = { ...current, checkpoint: START, way: { source: 'list', content: 'ids' } }
    } catch (error) {
      current = { ...current, checkpoint: START, way: wayAfter(error, current.way) }
    }
    await store.restartLane(claim, mailboxKey, lane.folderId, current.way)
  }
}

/** The way that leads on after a failure; throws where none does. */
function wayAfter(error: unknown, way: Way): Way {
  if (error instanceof CheckpointExpiredError) return way // a mailbox lets it come only so often
  if (error instanceof UnreadablePageError && way.content === 'whole') return { ...way, content: 'ids' }
  if (error instanceof NoChangeTrackingError && way.source === 'delta') return { ...way, source: 'list' }
  throw error
}

/** Stores page after page. The last checkpoint of a listing is left to `endTellingApart`, which first looks for what is gone. */
async function walkPages(lane: Lane, context: CopyContext): Promise<{ end: Checkpoint; foundNew: boolean }> {
  let end = lane.checkpoint
  let foundNew = lane.way.content === 'whole'
  for await (const page of lanePages(lane, context)) {
    end = page.next
    for await (const part of completePage(page, lane, context)) {
      foundNew ||= part.messages.length > 0
      const isLastOfListing = lane.way.source === 'list' && part.next?.at === 'end'
      await savePart(lane, isLastOfListing ? { ...part, next: undefined } : part, context)
    }
  }
  return { end, foundNew }
}
