import type { Attachment, AttachmentId } from '../copying/attachment.ts'
import type { Checkpoint, Way } from '../copying/checkpoint.ts'
import {
  CheckpointExpiredError,
  FolderGoneError,
  type FolderId,
  type FolderListing,
  type LocatedMessage,
  type Mailbox,
  NoChangeTrackingError,
  type Page,
  type RangePage,
  RangesRefusedError,
  type Reading,
  type Received,
  type Sink,
  UnreadablePageError,
} from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import type { ReceivedRange } from '../copying/received-range.ts'
import { isEverything, type Span, type Spans } from '../copying/spans.ts'
import { AppError } from '../errors.ts'
import { BrokenAnswerError, isRestart, isShrink, isSkip } from './failure.ts'
import type { FolderPage } from './folder-page.ts'
import type { Answer, GraphClient } from './graph-client.ts'
import { GraphContents } from './graph-contents.ts'
import type { GraphUrl } from './graph-url.ts'
import { type FolderOptions, listFolders } from './list-folders.ts'
import { type MessagePage, readMessagePage } from './message-page.ts'
import { FIRST_PAGE_SIZE, sizeAfterPage, smallerSize } from './page-size.ts'
import { boundQuery, rangeQuery, readRangePage, readReceived, spanQuery } from './range-page.ts'
import { itemOf } from './read-collection.ts'
import { readItem } from './read-item.ts'
import { refusal } from './refusals.ts'
import { isWhole, toMessage } from './to-message.ts'
import { MESSAGE_FIELDS, VERSION_FIELDS, type WireMessage } from './wire.ts'

export interface GraphMailboxParts {
  objectId: string
  userUpn: string
  client: GraphClient
  graphUrl: GraphUrl
  hasDelta: boolean
  /** The first page of the folders at the top, as opening the mailbox has shown it. */
  top: FolderPage
}

// A page of ids is small however many it names, so it is the largest that Graph takes ($top of messages).
const IDS_PAGE_SIZE = 1000

// With fewer left, they are named and read one by one: that is over sooner than more tries.
const SMALLEST_OF_RANGE = 20

const ANY_SIZE = { smallest: 1, largest: Number.POSITIVE_INFINITY }

// Empty pages with a next link are legal; a run of so many is a walk that never ends.
const MAX_EMPTY_PAGES = 10_000

// A walk that goes stale again and again within one run will not end either; one or two happen.
const MAX_RESTARTS = 5

type Weighed<Value> = Value & { bytes: number }

/** What is remembered of a folder while it is walked. */
interface Walk {
  pageSize: number
  emptyPages: number
  restarts: number
}

export class GraphMailbox implements Mailbox {
  readonly objectId: string
  readonly userUpn: string
  readonly #parts: GraphMailboxParts
  readonly #user: string
  readonly #contents: GraphContents
  #top: FolderPage | undefined
  readonly #walks = new Map<FolderId, Walk>()

  constructor(parts: GraphMailboxParts) {
    this.objectId = parts.objectId
    this.userUpn = parts.userUpn
    this.#parts = parts
    this.#user = `/users/${encodeURIComponent(parts.objectId)}`
    this.#top = parts.top
    const { client, graphUrl } = parts
    const probe = () => this.#makeSureGraphAnswers('inbox')
    this.#contents = new GraphContents({ client, graphUrl, user: this.#user, probe })
  }

  listFolders({ includeRecoverable, known }: FolderOptions): Promise<FolderListing> {
    const { client, graphUrl, hasDelta } = this.#parts
    const top = this.#top
    this.#top = undefined // the next listing wants to know what is there by then
    const options = { includeRecoverable, known: hasDelta ? known : undefined } // the flat list is by delta
    return listFolders({ client, graphUrl, user: this.#user }, options, top)
  }

  async findWellKnownFolder(name: string): Promise<FolderId | undefined> {
    const url = this.#parts.graphUrl.to(`${this.#user}/mailFolders/${encodeURIComponent(name)}?$select=id`)
    try {
      const { value } = await this.#parts.client.get({ url, subject: 'folder', read: itemOf<{ id: string }> })
      return value.id as FolderId
    } catch (error) {
      if (isSkip(error, 'gone')) return undefined
      throw error
    }
  }

  async readPage(folder: FolderId, from: Checkpoint, way: Way): Promise<Page> {
    const walk = this.#walkOf(folder)
    try {
      const { page, itemCount, bytes } = await this.#readMessages(folder, from, way, walk)
      walk.emptyPages = itemCount === 0 ? walk.emptyPages + 1 : 0
      if (walk.emptyPages > MAX_EMPTY_PAGES) throw this.#expired(walk)
      if (page.next.at === 'end') walk.restarts = 0
      return { ...page, bytes }
    } catch (error) {
      if (isSkip(error, 'gone')) throw new FolderGoneError('The folder is gone', { cause: error })
      if (isRestart(error)) throw this.#expired(walk, error)
      if (isSkip(error, 'untracked')) throw new NoChangeTrackingError(error.message, { cause: error })
      throw error
    }
  }

  async receivedBounds(folder: FolderId): Promise<{ oldest: string; newest: string } | undefined> {
    const ask = (end: 'oldest' | 'newest') => this.#askRange(() => this.#listReceived(folder, boundQuery(end), 1))
    const [[oldest], [newest]] = await Promise.all([ask('oldest'), ask('newest')])
    return oldest && newest && { oldest: oldest.receivedDateTime, newest: newest.receivedDateTime }
  }

  readRange(folder: FolderId, range: ReceivedRange, atMost: number | undefined): Promise<RangePage> {
    const walk = this.#walkOf(folder)
    return this.#askRange(async () => {
      for (let from = range; ; from = { ...range, link: null }) {
        try {
          const sizes = { smallest: SMALLEST_OF_RANGE, largest: atMost ?? Number.POSITIVE_INFINITY }
          const page = await this.#shrinking(folder, walk, sizes, (size) => this.#requestRange(folder, from, size))
          walk.emptyPages = page.itemCount === 0 ? walk.emptyPages + 1 : 0
          if (walk.emptyPages > MAX_EMPTY_PAGES) throw new RangesRefusedError('A range does not come to its end')
          return page
        } catch (error) {
          // The link within a second is no longer known: the second begins anew.
          if (!isRestart(error) || from.link === null || ++walk.restarts > MAX_RESTARTS) throw error
        }
      }
    })
  }

  async newestIn(folder: FolderId, range: ReceivedRange, limit: number): Promise<Received[]> {
    try {
      return await this.#askRange(() => this.#listReceived(folder, rangeQuery(range), limit))
    } catch (error) {
      if (isShrink(error)) return []
      throw error
    }
  }

  readMessage(id: MessageId): Promise<Reading<LocatedMessage>> {
    const path = `${this.#user}/messages/${encodeURIComponent(id)}?$select=${MESSAGE_FIELDS},parentFolderId`
    const url = this.#parts.graphUrl.to(path)
    const read = itemOf<WireMessage>
    const ask = async () => {
      const { value } = await this.#parts.client.get({ url, subject: 'message', shrinkable: 'item', read })
      // With Mail.ReadBasic alone Graph leaves bodies out, silently.
      if (!isWhole(value)) throw asAppError(refusal('mailboxDenied'))
      return { ...toMessage(value), folderId: (value.parentFolderId ?? null) as FolderId | null }
    }
    return readItem('this message', ask, () => this.#makeSureGraphAnswers('inbox'))
  }

  listAttachments(message: MessageId): Promise<Reading<Attachment[]>> {
    return this.#contents.list(message)
  }

  readAttachment<Taken>(message: MessageId, attachment: AttachmentId, sink: Sink<Taken>): Promise<Reading<Taken>> {
    return this.#contents.readAttachment(message, attachment, sink)
  }

  readSmallAttachments(message: MessageId): Promise<Reading<Map<AttachmentId, Uint8Array>>> {
    return this.#contents.readSmall(message)
  }

  readMime<Taken>(message: MessageId, sink: Sink<Taken>): Promise<Reading<Taken>> {
    return this.#contents.readMime(message, sink)
  }

  async countMessages(folder: FolderId, received: Spans): Promise<number | undefined> {
    const { client, graphUrl } = this.#parts
    const path = `${this.#user}/mailFolders/${encodeURIComponent(folder)}/messages/$count`
    const count = async (span: Span) => {
      const url = graphUrl.to(isEverything([span]) ? path : `${path}?${spanQuery(span)}`)
      return (await client.get({ url, subject: isEverything([span]) ? 'folder' : 'range', read: countOf })).value
    }
    try {
      const counts = await Promise.all(received.map(count))
      return counts.reduce((sum, one) => sum + one, 0)
    } catch (error) {
      if (isSkip(error, 'gone')) return undefined
      if (isSkip(error, 'unfiltered')) throw new RangesRefusedError('Counts by time are refused', { cause: error })
      throw error
    }
  }

  async countAllMessages(): Promise<number> {
    const url = this.#parts.graphUrl.to(`${this.#user}/messages/$count`)
    return (await this.#parts.client.get({ url, subject: 'folders', read: countOf })).value
  }

  async #readMessages(folder: FolderId, from: Checkpoint, way: Way, walk: Walk): Promise<Weighed<MessagePage>> {
    const { graphUrl, hasDelta } = this.#parts
    if (way.source === 'delta' && !hasDelta) throw new NoChangeTrackingError('This cloud tracks no changes')
    const link = from.at === 'start' || from.link === '' ? undefined : from.link
    // A link of another Graph address (the settings changed) is nothing this one knows.
    if (link !== undefined && !graphUrl.owns(link)) throw this.#expired(walk)

    if (way.content === 'whole')
      return this.#shrinking(folder, walk, ANY_SIZE, (size) => this.#requestPage(folder, link, way, size))
    try {
      const { value, bytes } = await this.#requestPage(folder, link, way, IDS_PAGE_SIZE)
      return { ...value, bytes }
    } catch (error) {
      if (!isShrink(error)) throw error
      await this.#makeSureGraphAnswers(folder)
      throw unreadableFolder(error)
    }
  }

  /** Asks for ever smaller pages until one comes. */
  async #shrinking<Value extends { itemCount: number }>(
    folder: FolderId,
    walk: Walk,
    { smallest, largest }: { smallest: number; largest: number },
    ask: (pageSize: number) => Promise<Answer<Value>>,
  ): Promise<Weighed<Value>> {
    for (;;) {
      const asked = Math.min(walk.pageSize, largest)
      try {
        const { value, bytes, elapsedMs } = await ask(asked)
        // Of several pages asked for at once only the first may change the size, and none that was to be smaller.
        if (walk.pageSize === asked) {
          walk.pageSize = sizeAfterPage(asked, { items: value.itemCount, bytes, elapsedMs })
        }
        return { ...value, bytes }
      } catch (error) {
        if (!isShrink(error)) throw error
        if (asked <= smallest) {
          await this.#makeSureGraphAnswers(folder)
          throw new UnreadablePageError(error.message, { cause: error })
        }
        walk.pageSize = Math.min(walk.pageSize, smallerSize(asked))
      }
    }
  }

  #requestRange(folder: FolderId, range: ReceivedRange, pageSize: number) {
    const { client, graphUrl } = this.#parts
    const link = range.link !== null && graphUrl.owns(range.link) ? range.link : undefined
    const path = `${this.#user}/mailFolders/${encodeURIComponent(folder)}/messages?$select=${MESSAGE_FIELDS}&${rangeQuery(range)}`
    return client.get({
      url: link ?? graphUrl.to(path),
      subject: 'range',
      continued: link !== undefined,
      maxPageSize: pageSize,
      shrinkable: pageSize <= SMALLEST_OF_RANGE ? 'last_size' : 'yes',
      read: (json) => readRangePage(json, graphUrl, { ...range, link: link ?? null }),
    })
  }

  async #listReceived(folder: FolderId, query: string, limit: number): Promise<Received[]> {
    const { client, graphUrl } = this.#parts
    const path = `${this.#user}/mailFolders/${encodeURIComponent(folder)}/messages?$select=id,receivedDateTime&${query}`
    const asked = { subject: 'range', maxPageSize: limit, shrinkable: 'last_size', read: readReceived } as const
    return (await client.get({ url: graphUrl.to(path), ...asked })).value
  }

  async #askRange<Value>(ask: () => Promise<Value>): Promise<Value> {
    try {
      return await ask()
    } catch (error) {
      if (isSkip(error, 'gone')) throw new FolderGoneError('The folder is gone', { cause: error })
      if (isSkip(error, 'unfiltered') || isRestart(error))
        throw new RangesRefusedError('Ranges of time are refused', { cause: error })
      throw error
    }
  }

  #requestPage(folder: FolderId, link: string | undefined, way: Way, pageSize: number): Promise<Answer<MessagePage>> {
    const { client, graphUrl } = this.#parts
    const collection = `${this.#user}/mailFolders/${encodeURIComponent(folder)}/messages`
    const fields = way.content === 'ids' ? VERSION_FIELDS : MESSAGE_FIELDS
    const path = way.source === 'delta' ? `${collection}/delta?$select=${fields}` : `${collection}?$select=${fields}`
    return client.get({
      url: link ?? graphUrl.to(path),
      subject: 'page',
      continued: link !== undefined,
      maxPageSize: pageSize,
      shrinkable: pageSize === 1 || way.content === 'ids' ? 'last_size' : 'yes',
      read: (json) => readMessagePage(json, graphUrl, way, link),
    })
  }

  /** Before an item is blamed: a request that cannot fail because of it. Throws where Graph itself is not well. */
  async #makeSureGraphAnswers(folder: FolderId | 'inbox'): Promise<void> {
    const url = this.#parts.graphUrl.to(`${this.#user}/mailFolders/${encodeURIComponent(folder)}?$select=id`)
    await this.#parts.client.get({ url, subject: 'folder', read: itemOf<{ id: string }> })
  }

  #walkOf(folder: FolderId): Walk {
    const walk = this.#walks.get(folder) ?? { pageSize: FIRST_PAGE_SIZE, emptyPages: 0, restarts: 0 }
    this.#walks.set(folder, walk)
    return walk
  }

  #expired(walk: Walk, cause?: unknown): Error {
    walk.emptyPages = 0
    walk.restarts++
    if (walk.restarts <= MAX_RESTARTS) return new CheckpointExpiredError('Graph no longer knows the link', { cause })
    const message = 'Graph lets no walk through a folder come to its end: it gives up its own links again and again.'
    return new AppError('graph_refused', message, { cause })
  }
}

function unreadableFolder(cause: unknown): AppError {
  const message =
    'Graph cannot even list the ids of a folder: a page of them fails again and again. Nothing stored is lost.'
  return new AppError('message_unreadable', message, { cause })
}

function countOf(json: unknown): number {
  if (typeof json === 'number' && Number.isInteger(json) && json >= 0) return json
  throw new BrokenAnswerError('A count is no number')
}

function asAppError({ code, message }: ReturnType<typeof refusal>): AppError {
  return new AppError(code, message)
}
