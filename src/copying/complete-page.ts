import { keptBody } from './body.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { CopyContext, Part } from './copy-context.ts'
import type { AskedPage } from './lane-pages.ts'
import type { FolderId } from './mailbox.ts'
import type { MessageId } from './message.ts'
import type { KeptMessage, Lane, SkippedMessage } from './message-store.ts'
import { wantedOf } from './wanted.ts'

/** Messages read one by one and not yet stored, at most: with bodies of a megabyte, what a page may weigh. */
const MOST_READ_AT_ONCE = 20

/** What reading single messages gave: each id is in one of the three. */
interface Readings {
  messages: KeptMessage[]
  gone: MessageId[]
  skipped: SkippedMessage[]
}

/**
 * Makes a page whole, in parts small enough to hold: what it shows only in part, and what it names only by id, is
 * read message by message. The checkpoint moves with the last part, so a crash between two parts repeats little.
 */
export async function* completePage(page: AskedPage, lane: Lane, context: CopyContext): AsyncGenerator<Part> {
  const { mailboxKey, store } = context
  const messages = await wantedOf(page.messages, lane, context)
  const versions = await wantedOf(page.versions, lane, context)
  const held = await store.heldMessages(
    mailboxKey,
    page.patches.map(({ id }) => id),
  )
  const stale = await store.staleMessages(mailboxKey, lane, versions)
  const toRead = [...page.incomplete, ...page.patches.filter(({ id }) => !held.has(id)).map(({ id }) => id), ...stale]
  const first: Part = {
    messages: messages.map((message) => keptBody(message, lane.body)),
    patches: page.patches.filter(({ id }) => held.has(id)),
    unchanged: versions.filter(({ id }) => !stale.has(id)).map(({ id }) => id),
    skipped: [],
    removed: page.removed,
    next: undefined,
    askedAt: page.askedAt,
  }
  if (toRead.length === 0) {
    yield { ...first, next: page.next }
    return
  }
  yield first
  yield* readInParts(toRead, lane, context, page.next)
}

/** The messages of these ids, some at a time; `next` goes with the last. */
export async function* readInParts(
  ids: readonly MessageId[],
  lane: Lane,
  context: CopyContext,
  next: Checkpoint | undefined,
): AsyncGenerator<Part> {
  for (let begin = 0; begin < ids.length; begin += MOST_READ_AT_ONCE) {
    const end = begin + MOST_READ_AT_ONCE
    const askedAt = context.clock.now()
    const { messages, gone, skipped } = await readMessages(ids.slice(begin, end), lane, context)
    const isLast = end >= ids.length
    yield { messages, patches: [], unchanged: [], skipped, removed: gone, next: isLast ? next : undefined, askedAt }
  }
}

async function readMessages(ids: readonly MessageId[], lane: Lane, context: CopyContext): Promise<Readings> {
  const readings: Readings = { messages: [], gone: [], skipped: [] }
  await Promise.all(
    ids.map(async (id) => {
      const reading = await context.mailbox.readMessage(id)
      if (reading.is === 'gone') readings.gone.push(id)
      else if (reading.is === 'had' && isElsewhere(reading.value.folderId, lane, context)) readings.gone.push(id)
      else if (reading.is === 'had') readings.messages.push(keptBody(reading.value, lane.body))
      else readings.skipped.push({ id, code: reading.code, reason: reading.reason })
    }),
  )
  return { ...readings, messages: await wantedOf(readings.messages, lane, context) }
}

/** In another folder of the mailbox: then it is gone from this one, and the other one tells of it. */
export function isElsewhere(
  folder: FolderId | null,
  { folderId }: Pick<Lane, 'folderId'>,
  { folderIds }: Pick<CopyContext, 'folderIds'>,
): boolean {
  return folder !== null && folder !== folderId && folderIds.has(folder)
}
