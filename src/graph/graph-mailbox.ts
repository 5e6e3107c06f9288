import type { Checkpoint } from '../copying/checkpoint.ts'
import {
  CheckpointExpiredError,
  type Folder,
  FolderGoneError,
  type FolderId,
  type Mailbox,
  type Page,
  type Usage,
} from '../copying/mailbox.ts'
import type { Message, MessageId } from '../copying/message.ts'
import { AppError } from '../errors.ts'
import { isRestart, isSkip, RequestFailure } from './failure.ts'
import { FolderTree } from './folder-tree.ts'
import type { Answer, GraphClient } from './graph-client.ts'
import type { GraphUrl } from './graph-url.ts'
import { type DeltaPage, readDeltaPage } from './message-page.ts'
import { FIRST_PAGE_SIZE, sizeAfterPage, smallerSize } from './page-size.ts'
import { itemOf } from './read-collection.ts'
import { refusal } from './refusals.ts'
import type { RequestLimiter } from './request-limiter.ts'
import { isWhole, toMessage } from './to-message.ts'
import type { UsageMeter } from './usage-meter.ts'
import { MESSAGE_FIELDS, type WireMessage } from './wire.ts'

export interface GraphMailboxParts {
  objectId: string
  userUpn: string
  client: GraphClient
  graphUrl: GraphUrl
  limiter: RequestLimiter
  meter: UsageMeter
  hasDelta: boolean
}

// Empty pages with a next link are legal; a run of so many is a walk that never ends.
const MAX_EMPTY_PAGES = 10_000

// A walk that goes stale again and again within one run will not end either; one or two happen.
const MAX_RESTARTS = 5

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
  readonly #walks = new Map<FolderId, Walk>()

  constructor(parts: GraphMailboxParts) {
    this.objectId = parts.objectId
    this.userUpn = parts.userUpn
    this.#parts = parts
    this.#user = `/users/${encodeURIComponent(parts.objectId)}`
  }

  listFolders(options: { includeRecoverable: boolean }): Promise<Folder[]> {
    return new FolderTree(this.#parts.client, this.#parts.graphUrl, this.#user).walk(options)
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

  async readPage(folder: FolderId, from: Checkpoint): Promise<Page> {
    const walk = this.#walkOf(folder)
    try {
      const { page, itemCount } = await this.#readDelta(folder, from, walk)
      walk.emptyPages = itemCount === 0 ? walk.emptyPages + 1 : 0
      if (walk.emptyPages > MAX_EMPTY_PAGES) throw this.#expired(walk)
      if (page.next.at === 'end') walk.restarts = 0
      return page
    } catch (error) {
      if (isSkip(error, 'gone')) throw new FolderGoneError('The folder is gone', { cause: error })
      if (isRestart(error)) throw this.#expired(walk, error)
      throw error
    }
  }

  async readMessage(id: MessageId): Promise<Message | undefined> {
    const url = this.#parts.graphUrl.to(`${this.#user}/messages/${encodeURIComponent(id)}?$select=${MESSAGE_FIELDS}`)
    try {
      const { value } = await this.#parts.client.get({ url, subject: 'message', read: itemOf<WireMessage> })
      // With Mail.ReadBasic alone Graph leaves bodies out, silently.
      if (!isWhole(value)) throw asAppError(refusal('mailboxDenied'))
      return toMessage(value)
    } catch (error) {
      if (isSkip(error, 'gone')) return undefined
      if (isSkip(error, 'unreadable')) throw unreadable(error)
      throw error
    }
  }

  takeUsage(): Usage {
    return { ...this.#parts.meter.take(), throttledMs: this.#parts.limiter.takeHeldBackMs() }
  }

  waitingFor(): string | undefined {
    return this.#parts.client.waitingFor()
  }

  /** Asks for ever smaller pages until one comes. */
  async #readDelta(folder: FolderId, from: Checkpoint, walk: Walk): Promise<DeltaPage> {
    const { graphUrl, hasDelta } = this.#parts
    if (!hasDelta) throw asAppError(refusal('noChangeTracking'))
    // A link of another Graph address (the settings changed) is nothing this one knows.
    if (from.at !== 'start' && !graphUrl.owns(from.link)) throw this.#expired(walk)

    for (;;) {
      const asked = walk.pageSize
      try {
        const { value, bytes, elapsedMs } = await this.#requestDelta(folder, from, asked)
        walk.pageSize = sizeAfterPage(asked, { items: value.itemCount, bytes, elapsedMs })
        return value
      } catch (error) {
        if (!(error instanceof RequestFailure && error.failure.kind === 'shrink')) throw error
        if (asked === 1) throw await this.#blame(folder, error)
        walk.pageSize = smallerSize(asked)
      }
    }
  }

  #requestDelta(folder: FolderId, from: Checkpoint, pageSize: number): Promise<Answer<DeltaPage>> {
    const { client, graphUrl } = this.#parts
    const path = `${this.#user}/mailFolders/${encodeURIComponent(folder)}/messages/delta?$select=${MESSAGE_FIELDS}`
    const link = from.at === 'start' ? undefined : from.link
    return client.get({
      url: link ?? graphUrl.to(path),
      subject: 'page',
      continued: link !== undefined,
      maxPageSize: pageSize,
      shrinkable: pageSize === 1 ? 'last_size' : 'yes',
      read: (json) => readDeltaPage(json, graphUrl, link),
    })
  }

  /** A page of one item fails: if the folder itself answers, Graph is well and the item is not. */
  async #blame(folder: FolderId, cause: RequestFailure): Promise<Error> {
    const url = this.#parts.graphUrl.to(`${this.#user}/mailFolders/${encodeURIComponent(folder)}?$select=id`)
    await this.#parts.client.get({ url, subject: 'folder', read: itemOf<{ id: string }> })
    return unreadable(cause)
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

function unreadable(cause: unknown): AppError {
  const message =
    'Graph cannot give one of the messages: even asked for alone it answers with an error. Nothing stored is lost.'
  return new AppError('message_unreadable', message, { cause })
}

function asAppError({ code, message }: ReturnType<typeof refusal>): AppError {
  return new AppError(code, message)
}
