import type { ExtractionStatus } from '../extractions/extraction-status.ts'
import { SMALL_TOTAL_BYTES } from './attachment.ts'
import type { Blob } from './blob-store.ts'
import {
  BlobGoneError,
  type ContentStore,
  type ContentWrite,
  type MissingContent,
  type PendingContent,
} from './content-store.ts'
import { type CopyContext, NOTHING } from './copy-context.ts'
import type { FolderId, Reading } from './mailbox.ts'
import type { MessageId } from './message.ts'
import type { Lane } from './message-store.ts'
import { Permits } from './permits.ts'
import { savePart } from './save-part.ts'
import { Semaphore } from './semaphore.ts'
import { StoppedError } from './stopped.ts'
import { together } from './together.ts'

const PENDING_AT_ONCE = 100

/** As many as Graph lets one app make requests at once on one mailbox; and so many at most are fetched again after a crash. */
const TRANSFERS_AT_ONCE = 4

/** While the disk is waited for with as many transfers, the attachments of as many messages more can be listed. */
const MESSAGES_AT_ONCE = 2 * TRANSFERS_AT_ONCE

/** An erasure may free a blob between its putting and its row; several times in a row is no accident. */
const MAX_PUTS = 3

/** An attachment that is gone makes its message be listed anew; a message that changes faster than that waits for the next run. */
const MAX_LISTINGS = 3

/** What the walk through the folders tells: whether more messages may come. */
export interface Pages {
  areOver: boolean
}

interface CopiedMessage extends PendingContent {
  /** Nothing is left to fetch, and the store knows. */
  isDone: boolean
}

/** Messages are marked as removed in the lane of their folder. */
interface ContentsContext extends CopyContext {
  lanes: ReadonlyMap<FolderId, Lane>
}

/**
 * Fetches what belongs to messages beside their pages, attachments and MIME, as soon as the messages are stored.
 * Ends when no more pages come and nothing is left to fetch.
 */
export async function copyContents(lanes: readonly Lane[], pages: Pages, copyContext: CopyContext): Promise<void> {
  const context = { ...copyContext, lanes: new Map(lanes.map((lane) => [lane.folderId, lane])) }
  const transfers = new Semaphore(TRANSFERS_AT_ONCE)
  const underWay = new Set<MessageId>()
  const pending = pendingMessages(underWay, pages, context)
  // NOTE: not by `for await`. Where a message fails, that would first wait for the generator, which waits for more messages on
  // behalf of another copier: until the run ends, which this very failure is to bring about.
  const copier = async () => {
    for (let next = await pending.next(); !next.done; next = await pending.next()) {
      const one = next.value
      await copyMessage(one, context, transfers)
      underWay.delete(one.messageId)
      if (underWay.size === 0) context.more.ring()
    }
  }
  await together(context.ending, Array<typeof copier>(MESSAGES_AT_ONCE).fill(copier))
}

/**
 * Adds what it hands out to those under way. These it passes over, so that nobody waits for a large one; one that is stored
 * anew meanwhile is found again when it is done.
 */
async function* pendingMessages(
  underWay: Set<MessageId>,
  pages: Pages,
  { contents, mailboxKey, more, signal }: ContentsContext,
): AsyncGenerator<PendingContent> {
  for (;;) {
    const isLastLook = pages.areOver && underWay.size === 0 // asked first: what is stored from now on is found by the next look
    let found = false
    for (let after: MessageId | undefined; ; ) {
      const passedOver = new Set(underWay) // before the look: what is done by its end was not when it was looked at
      const some = await contents.listPending(mailboxKey, after, PENDING_AT_ONCE)
      after = some.at(-1)?.messageId
      if (after === undefined) break
      for (const one of some.filter(({ messageId }) => !passedOver.has(messageId))) {
        found = true
        underWay.add(one.messageId)
        yield one
      }
    }
    if (found) continue
    if (isLastLook) return
    await more.wait(signal)
  }
}

async function copyMessage(pending: PendingContent, context: ContentsContext, transfers: Semaphore): Promise<void> {
  const message = { ...pending, isDone: false }
  const isThere =
    (await copyAttachments(message, context, transfers)) &&
    (!message.mime || (await copyMime(message, context, transfers)))
  if (message.isDone) return
  if (!isThere) await passOverGone(message, context)
  await save(context.contents.saveDone(aWrite(message.messageId, context)))
}

/** False when the message is gone. */
async function copyAttachments(
  message: CopiedMessage,
  context: ContentsContext,
  transfers: Semaphore,
): Promise<boolean> {
  const { contents, mailboxKey, options, signal } = context
  const { messageId, attachments } = message
  if (attachments === 'nothing') return true
  if (options.attachments !== 'content')
    return attachments !== 'listing' || (await listAttachments(messageId, context)) !== undefined

  using permits = new Permits(transfers, signal)
  for (let listings = 1, isListed = attachments === 'content'; ; listings++, isListed = false) {
    const missing = isListed
      ? await contents.missingContents(mailboxKey, messageId)
      : await listAttachments(messageId, context, permits)
    if (!missing) return false
    const gone = await fetchMissing(message, missing, context, permits)
    if (gone.length === 0) return true
    if (listings < MAX_LISTINGS) continue
    const reason = 'Graph lists this attachment and does not find it'
    for (const { id } of gone) await skip(messageId, { part: id, code: 'ErrorItemNotFound', reason }, context)
    return true
  }
}

/**
 * Answers the contents that are missing; undefined when the message is gone. With permits, the first of which is then asked for,
 * the listing is saved with whatever is saved next, and at the latest when its contents could be fetched.
 */
async function listAttachments(
  messageId: MessageId,
  context: ContentsContext,
  permits?: Permits,
): Promise<readonly MissingContent[] | undefined> {
  const { contents, mailbox, mailboxKey } = context
  const reading = await mailbox.listAttachments(messageId)
  if (reading.is === 'gone') return undefined
  if (reading.is === 'unreadable') {
    await skip(messageId, { part: 'attachments', ...reading }, context)
    return contents.missingContents(mailboxKey, messageId) // of what was listed before
  }
  const write = aWrite(messageId, context)
  const canWait = permits && reading.value.some(({ kind }) => kind !== 'reference')
  const { status, missing } = await contents.saveListing(
    canWait ? { ...write, canWaitFor: permits.ask() } : write,
    reading.value,
  )
  throwUnlessRunning(status)
  return missing
}

/** Answers those that are no longer there. */
async function fetchMissing(
  message: CopiedMessage,
  missing: readonly MissingContent[],
  context: ContentsContext,
  permits: Permits,
): Promise<MissingContent[]> {
  const left = await fetchTogether(message.messageId, missing, context, permits)
  const gone: MissingContent[] = []
  let open = left.length
  // Of two that are saved at once neither is the last: then the message is marked by itself.
  const isLast = () => open === 1 && gone.length === 0 && !message.mime
  const fetches = left.map((attachment) => async () => {
    const release = await permits.acquire()
    try {
      if ((await fetchOne(message, attachment, isLast, context)) === 'gone') gone.push(attachment)
      open--
    } finally {
      release()
    }
  })
  await together(context.ending, fetches)
  return gone
}

/** Some small ones cost one request in place of one each. Answers what has to be fetched one by one. */
async function fetchTogether(
  messageId: MessageId,
  missing: readonly MissingContent[],
  context: ContentsContext,
  permits: Permits,
): Promise<readonly MissingContent[]> {
  const totalBytes = missing.reduce((sum, { size }) => sum + size, 0)
  const areFew = missing.length < 2 || totalBytes > SMALL_TOTAL_BYTES
  if (areFew || missing.some(({ kind }) => kind !== 'file')) return missing

  const { blobs, contents, mailbox } = context
  const release = await permits.acquire()
  try {
    const reading = await mailbox.readSmallAttachments(messageId)
    if (reading.is !== 'had') return missing // what is wrong shows when they are asked for one by one
    const left: MissingContent[] = []
    for (const attachment of missing) {
      const bytes = reading.value.get(attachment.id)
      if (!bytes) left.push(attachment)
      else
        await keepBlob(
          async () => ({ is: 'had', value: await blobs.put(only(bytes)) }),
          (blob, isThere) => contents.saveContent(aWrite(messageId, context), attachment.id, blob, isThere),
          context,
        )
    }
    return left
  } finally {
    release()
  }
}

/** What is saved last saves also that the message is done: to begin and end a transaction costs as much as what is in it. */
async function fetchOne(
  message: CopiedMessage,
  { id }: MissingContent,
  isLast: () => boolean,
  context: ContentsContext,
): Promise<Reading<Blob>['is']> {
  const { blobs, contents, mailbox } = context
  const { messageId } = message
  const reading = await keepBlob(
    () => mailbox.readAttachment(messageId, id, (bytes) => blobs.put(bytes)),
    async (blob, isThere) => {
      const completes = isLast()
      const status = await contents.saveContent({ ...aWrite(messageId, context), completes }, id, blob, isThere)
      message.isDone = completes
      return status
    },
    context,
  )
  if (reading.is === 'unreadable') await skip(messageId, { part: id, ...reading }, context)
  return reading.is
}

/** False when the message is gone. */
async function copyMime(
  { messageId }: CopiedMessage,
  context: ContentsContext,
  transfers: Semaphore,
): Promise<boolean> {
  const { blobs, contents, mailbox } = context
  const release = await transfers.acquire(context.signal)
  try {
    const reading = await keepBlob(
      () => mailbox.readMime(messageId, (bytes) => blobs.put(bytes)),
      (blob, isThere) => contents.saveMime(aWrite(messageId, context), blob, isThere),
      context,
    )
    if (reading.is === 'unreadable') await save(contents.saveMimeFailure(aWrite(messageId, context), reading.code))
    return reading.is !== 'gone'
  } finally {
    release()
  }
}

/** Blob first, row after; both once more where the blob was freed in between. */
async function keepBlob(
  read: () => Promise<Reading<Blob>>,
  write: (blob: Blob, isThere: () => Promise<boolean>) => Promise<ExtractionStatus>,
  { blobs }: ContentsContext,
): Promise<Reading<Blob>> {
  for (let puts = 1; ; puts++) {
    const reading = await read()
    if (reading.is !== 'had') return reading
    try {
      await save(write(reading.value, () => blobs.has(reading.value)))
      return reading
    } catch (error) {
      if (!(error instanceof BlobGoneError) || puts === MAX_PUTS) throw error
    }
  }
}

/** What is said to be gone is looked for once more: only what is really gone is marked as removed. */
async function passOverGone({ messageId, folderId }: PendingContent, context: ContentsContext): Promise<void> {
  const reading = await context.mailbox.readMessage(messageId)
  const lane = context.lanes.get(folderId)
  if (reading.is === 'gone' && lane) {
    await savePart(lane, { ...NOTHING, removed: [messageId] }, context)
  } else {
    const reason = 'Graph has the message, and does not find what belongs to it'
    await skip(messageId, { part: 'attachments', code: 'ErrorItemNotFound', reason }, context)
  }
}

async function skip(
  messageId: MessageId,
  { part, code, reason }: Parameters<ContentStore['savePartSkipped']>[1],
  context: ContentsContext,
): Promise<void> {
  await save(context.contents.savePartSkipped(aWrite(messageId, context), { part, code, reason }))
}

/** Throws StoppedError when the run is to stop: after the write, so that nothing fetched is fetched again. */
async function save(write: Promise<ExtractionStatus>): Promise<void> {
  throwUnlessRunning(await write)
}

function throwUnlessRunning(status: ExtractionStatus): void {
  if (status !== 'in_progress') throw new StoppedError()
}

function aWrite(messageId: MessageId, { claim, mailboxKey, traffic, options, lap }: ContentsContext): ContentWrite {
  const wanted = options.attachments
  return { claim, mailbox: mailboxKey, messageId, wanted, usage: traffic.takeUsage(), activeMs: lap() }
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
