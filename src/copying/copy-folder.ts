import type { Claim } from '../extractions/extraction.ts'
import { type Checkpoint, START, type Way } from './checkpoint.ts'
import { completePage } from './complete-page.ts'
import {
  CheckpointExpiredError,
  FolderGoneError,
  type Mailbox,
  NoChangeTrackingError,
  UnreadablePageError,
} from './mailbox.ts'
import type { Lane, MailboxKey, MessageStore, PageToSave } from './message-store.ts'
import { proveFolder } from './prove-folder.ts'
import { readAhead } from './read-ahead.ts'
import type { Semaphore } from './semaphore.ts'
import { StoppedError } from './stopped.ts'

/** Listings of one folder in a row, each because the one before still found something new. */
const MAX_LISTINGS = 10

/** Ids looked at together at the end of a listing. */
const UNWALKED_AT_ONCE = 200

export interface CopyContext {
  claim: Claim
  mailbox: Mailbox
  mailboxKey: MailboxKey
  store: MessageStore
  /** Pages asked for and not yet stored, over all lanes of the mailbox. */
  unsaved: Semaphore
  /** Milliseconds since it was last called: the time this mailbox was being copied. */
  lap: () => number
  signal: AbortSignal
}

/** Copies one folder from where it stopped last time, and proves that nothing is missing. */
export async function copyFolder(lane: Lane, context: CopyContext): Promise<void> {
  try {
    const walked = await walkFolder(lane, context)
    await proveFolder(walked, context, (again) => walkFolder(again, context))
  } catch (error) {
    if (!(error instanceof FolderGoneError)) throw error
    await context.store.forgetFolder(context.claim, context.mailboxKey, lane.folderId)
  }
}

/** Walks to the end, another way where one leads no further; answers the lane as it then is. */
async function walkFolder(lane: Lane, context: CopyContext): Promise<Lane> {
  const { claim, mailboxKey, store } = context
  let current = lane
  for (let listings = 1; ; listings++) {
    try {
      const { end, foundNew } = await walkPages(current, context)
      if (current.way.source === 'delta') return { ...current, checkpoint: end }
      if (!foundNew || listings >= MAX_LISTINGS) return await endListing(current, end, context)
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

/** Stores page after page. The last checkpoint of a listing is left to `endListing`, which first looks for what is gone. */
async function walkPages(lane: Lane, context: CopyContext): Promise<{ end: Checkpoint; foundNew: boolean }> {
  const { mailbox, unsaved, signal } = context
  let end = lane.checkpoint
  let foundNew = lane.way.content === 'whole'
  for await (const page of readAhead(mailbox, lane, unsaved, signal)) {
    end = page.next
    for await (const part of completePage(page, lane, context)) {
      foundNew ||= part.messages.length > 0
      const isLastOfListing = lane.way.source === 'list' && part.next?.at === 'end'
      await save(lane, isLastOfListing ? { ...part, next: undefined } : part, context)
    }
  }
  return { end, foundNew }
}

/** Tells what a listing did not show apart: gone, or only missed. */
async function endListing(lane: Lane, end: Checkpoint, context: CopyContext): Promise<Lane> {
  const { mailbox, mailboxKey, store } = context
  const nothing = { messages: [], patches: [], unchanged: [], skipped: [], removed: [] }
  for (;;) {
    const unwalked = await store.unwalkedMessages(mailboxKey, lane.folderId, UNWALKED_AT_ONCE)
    if (unwalked.length === 0) break
    const readings = await Promise.all(unwalked.map((id) => mailbox.readMessage(id)))
    const removed = unwalked.filter((_, index) => readings[index]?.is === 'gone')
    const unchanged = unwalked.filter((_, index) => readings[index]?.is !== 'gone')
    await save(lane, { ...nothing, removed, unchanged, next: undefined }, context)
  }
  await save(lane, { ...nothing, next: end }, context)
  return { ...lane, checkpoint: end }
}

export async function save(
  lane: Lane,
  part: Omit<PageToSave, 'usage' | 'activeMs'>,
  { claim, mailbox, mailboxKey, store, lap, signal }: CopyContext,
): Promise<void> {
  const page = { ...part, usage: mailbox.takeUsage(), activeMs: lap() }
  const status = await store.savePage(claim, mailboxKey, lane, page)
  // After the save, so that what was fetched is never fetched again.
  if (status !== 'in_progress') throw new StoppedError()
  signal.throwIfAborted()
}
