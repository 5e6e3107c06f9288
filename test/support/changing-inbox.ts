import type { Checkpoint, Way } from '../../src/copying/checkpoint.ts'
import {
  CheckpointExpiredError,
  type Folder,
  type FolderId,
  type LocatedMessage,
  type Mailbox,
  type MailboxProvider,
  type Page,
  type RangePage,
  type Reading,
  UnreadablePageError,
} from '../../src/copying/mailbox.ts'
import type { Message, MessageId } from '../../src/copying/message.ts'
import { type ReceivedRange, secondsOf, timeOf } from '../../src/copying/received-range.ts'
import { includes, type Spans } from '../../src/copying/spans.ts'
import { aBareMessage } from './messages.ts'

const INBOX = 'inbox' as FolderId
/** What times of messages are counted from. */
export const BEGINNING = secondsOf('2026-01-01T00:00:00Z')

export type Event =
  | { is: 'arrive'; at: number | null }
  | { is: 'edit' | 'delete'; which: number }
  | { is: 'link dies' }
  | { is: 'pause' }

export interface World {
  /** Seconds of the messages that are there from the beginning; null for one without a time. */
  times: (number | null)[]
  pageSize: number
  /** Of the messages; they break every page of whole messages, and cannot be read. */
  poison: number[]
  /** What happens before which request. */
  events: { before: number; event: Event }[]
}

interface Held {
  id: MessageId
  at: number | null
  version: number
}

/** One folder that says it is large, and changes between the requests. */
export class ChangingInbox implements MailboxProvider {
  isQuiet = false
  readSingly = 0
  /** How often each message was given with its body. */
  readonly given = new Map<MessageId, number>()
  readonly #world: World
  readonly #onPause: () => void
  readonly #held = new Map<MessageId, Held>()
  readonly #changes: MessageId[] = []
  #nextId = 0
  #requests = 0
  #generation = 0

  constructor(world: World, onPause: () => void) {
    this.#world = world
    this.#onPause = onPause
    for (const at of world.times) this.#arrive(at)
  }

  readable(): Message[] {
    return [...this.#held.values()].filter(({ id }) => !this.#isPoison(id)).map(toMessage)
  }

  poisoned(): string[] {
    return [...this.#held.keys()].filter((id) => this.#isPoison(id))
  }

  open(userUpn: string) {
    const traffic = { takeUsage: () => ({ requests: 0, retries: 0, throttledMs: 0 }), waitingFor: () => undefined }
    return { traffic, mailbox: Promise.resolve(this.#mailbox(userUpn)) }
  }

  #mailbox(userUpn: string): Mailbox {
    const nothing = async () => ({ is: 'gone' as const })
    return {
      objectId: 'u1',
      userUpn,
      listFolders: async () => ({ folders: [FOLDER], isWalkedInFull: true }),
      findWellKnownFolder: async () => undefined,
      readPage: async (_folder, from, way) => this.#page(from, way),
      receivedBounds: async () => this.#bounds(),
      readRange: async (_folder, range, atMost) => this.#range(range, atMost),
      newestIn: async (_folder, range, limit) => this.#in(range).slice(0, limit).map(named),
      readMessage: async (id) => this.#message(id),
      listAttachments: nothing,
      readAttachment: nothing,
      readSmallAttachments: nothing,
      readMime: nothing,
      countMessages: async (_folder, received) => this.#countWithin(received),
      countAllMessages: async () => this.#held.size,
    }
  }

  #countWithin(received: Spans): number {
    return [...this.#held.values()].filter(({ at }) => includes(received, at === null ? null : timeOf(at))).length
  }

  #give(held: readonly Held[]): Message[] {
    for (const { id } of held) this.given.set(id, (this.given.get(id) ?? 0) + 1)
    return held.map(toMessage)
  }

  #arrive(at: number | null): void {
    const id = `m${String(this.#nextId++).padStart(3, '0')}` as MessageId
    this.#held.set(id, { id, at: at === null ? null : BEGINNING + at, version: 1 })
    this.#changes.push(id)
  }

  #isPoison(id: MessageId): boolean {
    return this.#world.poison.includes(Number(id.slice(1)))
  }

  #happen(): void {
    this.#requests++
    if (this.isQuiet) return
    for (const { before, event } of this.#world.events) if (before === this.#requests) this.#change(event)
  }

  #change(event: Event): void {
    if (event.is === 'arrive') this.#arrive(event.at)
    else if (event.is === 'pause') this.#onPause()
    else if (event.is === 'link dies') this.#generation++
    else {
      const ids = [...this.#held.keys()]
      const id = ids[event.which % Math.max(1, ids.length)]
      const held = id && this.#held.get(id)
      if (!held) return
      if (event.is === 'delete') this.#held.delete(held.id)
      else this.#held.set(held.id, { ...held, version: held.version + 1 })
      this.#changes.push(held.id)
    }
  }

  /** A link holds its generation, where the walk began among the changes, and what it has listed. */
  #page(from: Checkpoint, { content }: Way): Page {
    this.#happen()
    const link = from.at === 'start' ? undefined : (JSON.parse(from.link) as Link)
    if (link && link.generation !== this.#generation) throw new CheckpointExpiredError('The link died')
    const { generation, since, listed } = link ?? {
      generation: this.#generation,
      since: this.#changes.length,
      listed: '',
    }
    if (from.at === 'end') return this.#changed(since, content)
    const ids = [...this.#held.keys()].filter((id) => id > listed).sort()
    const shown = ids.slice(0, this.#world.pageSize)
    const last = shown.at(-1)
    const isOver = last === undefined || ids.length === shown.length
    const next: Link = { generation, since, listed: last ?? listed }
    return { ...this.#shown(shown, content), next: { at: isOver ? 'end' : 'page', link: JSON.stringify(next) } }
  }

  #changed(since: number, content: Way['content']): Page {
    const ids = [...new Set(this.#changes.slice(since))]
    const next: Link = { generation: this.#generation, since: this.#changes.length, listed: '' }
    return { ...this.#shown(ids, content), next: { at: 'end', link: JSON.stringify(next) } }
  }

  #shown(ids: MessageId[], content: Way['content']): Omit<Page, 'next'> {
    const held = ids.flatMap((id) => this.#held.get(id) ?? [])
    const removed = ids.filter((id) => !this.#held.has(id))
    const none = { messages: [], patches: [], incomplete: [], versions: [], removed, bytes: 1 }
    if (content === 'ids') return { ...none, versions: held.map(toMessage) }
    if (held.some(({ id }) => this.#isPoison(id))) throw new UnreadablePageError('poison')
    return { ...none, messages: this.#give(held) }
  }

  #bounds() {
    this.#happen()
    const times = [...this.#held.values()].flatMap(({ at }) => at ?? [])
    if (times.length === 0) return undefined
    return { oldest: timeOf(Math.min(...times)), newest: timeOf(Math.max(...times)) }
  }

  #in({ from, before }: Pick<ReceivedRange, 'from' | 'before'>): (Held & { at: number })[] {
    return [...this.#held.values()]
      .flatMap((held) => (held.at === null ? [] : [{ ...held, at: held.at }]))
      .filter(({ at }) => at >= secondsOf(from) && at < secondsOf(before))
      .sort((one, other) => other.at - one.at || (one.id < other.id ? -1 : 1))
  }

  /** A link is a position, as Graph's `$skip` is. */
  #range(range: ReceivedRange, atMost = Number.POSITIVE_INFINITY): RangePage {
    this.#happen()
    const position = range.link === null ? 0 : Number(range.link)
    const found = this.#in(range).slice(position)
    const shown = found.slice(0, Math.min(atMost, this.#world.pageSize))
    if (shown.some(({ id }) => this.#isPoison(id))) throw new UnreadablePageError('poison')
    const last = shown.at(-1)
    const messages = this.#give(shown)
    if (!last || shown.length === found.length) return { messages, rest: undefined, bytes: 1 }
    const before = last.at + 1
    if (before < secondsOf(range.before)) return { messages, rest: { before: timeOf(before), link: null }, bytes: 1 }
    return { messages, rest: { before: range.before, link: String(position + shown.length) }, bytes: 1 }
  }

  #message(id: MessageId): Reading<LocatedMessage> {
    this.#happen()
    this.readSingly++
    const held = this.#held.get(id)
    if (!held) return { is: 'gone' }
    if (this.#isPoison(id)) return { is: 'unreadable', code: 'poison', reason: 'poison' }
    const [value] = this.#give([held])
    return value ? { is: 'had', value: { ...value, folderId: INBOX } } : { is: 'gone' }
  }
}

interface Link {
  generation: number
  since: number
  listed: string
}

const FOLDER: Folder = {
  id: INBOX,
  parentId: null,
  displayName: 'Inbox',
  path: 'Inbox',
  isHidden: false,
  isRecoverable: false,
  totalItemCount: 100_000, // or it would not be filled by ranges
}

function named({ id, at }: Held & { at: number }) {
  return { id, receivedDateTime: timeOf(at) }
}

function toMessage({ id, at, version }: Held): Message {
  return aBareMessage(id, { changeKey: `k${version}`, receivedDateTime: at === null ? null : timeOf(at) })
}
