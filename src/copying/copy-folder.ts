import type { Claim } from '../extractions/extraction.ts'
import { keptBody } from './body.ts'
import { START } from './checkpoint.ts'
import { CheckpointExpiredError, FolderGoneError, type Mailbox, type Page } from './mailbox.ts'
import type { Message, MessagePatch } from './message.ts'
import type { Lane, MailboxKey, MessageStore, PageToSave } from './message-store.ts'
import { readAhead } from './read-ahead.ts'
import type { Semaphore } from './semaphore.ts'
import { StoppedError } from './stopped.ts'

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

/** Copies one folder from where it stopped last time. */
export async function copyFolder(lane: Lane, context: CopyContext): Promise<void> {
  const { claim, mailboxKey, store } = context
  let from = lane.checkpoint
  for (;;) {
    try {
      return await copyPages({ ...lane, checkpoint: from }, context)
    } catch (error) {
      if (error instanceof FolderGoneError) return store.forgetFolder(claim, mailboxKey, lane.folderId)
      if (!(error instanceof CheckpointExpiredError)) throw error // a mailbox lets it come only so often
      await store.restartLane(claim, mailboxKey, lane.folderId)
      from = START
    }
  }
}

async function copyPages(lane: Lane, context: CopyContext): Promise<void> {
  const { claim, mailbox, mailboxKey, store, unsaved, lap, signal } = context
  for await (const page of readAhead(mailbox, lane.folderId, lane.checkpoint, unsaved, signal)) {
    const whole = await completePage(page, context)
    const messages = whole.messages.map((message) => keptBody(message, lane.body))
    const toSave: PageToSave = { ...whole, messages, usage: mailbox.takeUsage(), activeMs: lap() }
    const status = await store.savePage(claim, mailboxKey, lane, toSave)
    // After the save, so that what was fetched is never fetched again.
    if (status !== 'in_progress') throw new StoppedError()
    signal.throwIfAborted()
  }
}

/** Reads whole what the page gives only in part and cannot be merged: changes to messages that we do not hold. */
async function completePage(page: Page, { mailbox, mailboxKey, store }: CopyContext): Promise<Page> {
  const partial = [...page.patches.map((patch) => patch.id), ...page.incomplete]
  if (partial.length === 0) return page

  const held = await store.heldMessages(
    mailboxKey,
    page.patches.map((patch) => patch.id),
  )
  const patches: MessagePatch[] = page.patches.filter((patch) => held.has(patch.id))
  const unknown = [...page.patches.filter((patch) => !held.has(patch.id)).map((patch) => patch.id), ...page.incomplete]
  const read = await Promise.all(unknown.map((id) => mailbox.readMessage(id)))
  // Gone meanwhile: a later page or the next run reports it as removed.
  const found = read.filter((message): message is Message => message !== undefined)
  return { ...page, messages: [...page.messages, ...found], patches, incomplete: [] }
}
