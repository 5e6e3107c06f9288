import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Attachment, type AttachmentId, SMALL_TOTAL_BYTES } from '../src/copying/attachment.ts'
import { ByteBudget } from '../src/copying/byte-budget.ts'
import type { Checkpoint } from '../src/copying/checkpoint.ts'
import { copyMailbox } from '../src/copying/copy-mailbox.ts'
import type { Folder, FolderId, Mailbox, MailboxProvider, Page, Traffic } from '../src/copying/mailbox.ts'
import { StoppedError } from '../src/copying/stopped.ts'
import { MemoryBlobStore } from '../src/copying/testing/memory-blob-store.ts'
import type { ConnectionId } from '../src/extractions/extraction.ts'
import { ExtractionCommands } from '../src/extractions/extraction-commands.ts'
import { DEFAULT_OPTIONS } from '../src/extractions/options.ts'
import { RequestLimiter } from '../src/graph/request-limiter.ts'
import { VirtualClock } from '../src/graph/testing/clocks.ts'
import { openSqlite } from '../src/storage/dialects/sqlite.ts'
import { migrateToLatest } from '../src/storage/migrate.ts'
import { SecretBox } from '../src/storage/secret-box.ts'
import { openStores } from '../src/storage/stores.ts'
import { aBareMessage } from './support/messages.ts'

/** Far more than any of these jobs needs (some 100 requests of 5 s, half of them followed by a fence of 90 s). */
const DEADLINE_MS = 12 * 3_600_000

const LIMITS = { inFlight: 4, quota: 20, windowMs: 60_000 }

interface World {
  /** Pages of each folder. */
  folders: number[]
  /** Messages in folders that are not listed: they make the run count all folders at once. */
  unlisted: number
  /** Every so many messages have two attachments, each fetched by a request of its own. */
  attachmentsEvery: number
  /** How long requests take, one after the other, over and over. */
  latenciesMs: number[]
  /** The answer to every so many requests is a 429 that closes the mailbox for so long. */
  throttling: { every: number; forMs: number }
  /** The requests at which somebody asks for a pause; each run meets one of them at most. */
  pausesAt: number[]
  /** How many bytes of pages may be on their way. */
  budget: number
}

/** Of each page: less than one is thought to weigh beforehand. */
const PAGE_BYTES = 300_000

const worlds: fc.Arbitrary<World> = fc.record({
  folders: fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 9 }),
  unlisted: fc.nat({ max: 2 }),
  attachmentsEvery: fc.integer({ min: 1, max: 6 }),
  latenciesMs: fc.array(fc.nat({ max: 5_000 }), { minLength: 1, maxLength: 7 }),
  throttling: fc.record({ every: fc.integer({ min: 2, max: 9 }), forMs: fc.integer({ min: 1, max: 90_000 }) }),
  pausesAt: fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 3 }),
  budget: fc.integer({ min: 1, max: 10_000_000 }),
})

test('whatever answers take, however Graph throttles and whenever somebody pauses: the limits are kept, and every job ends complete', async () => {
  await fc.assert(fc.asyncProperty(worlds, copyAndCheck), { numRuns: 60 })
})

test('a pause that is heard of when nothing more is to be fetched than what is under way ends the run', async () => {
  const throttling = { every: 2, forMs: 1 }
  await copyAndCheck({
    folders: [1],
    unlisted: 0,
    attachmentsEvery: 1,
    latenciesMs: [0],
    throttling,
    pausesAt: [2],
    budget: 1,
  })
})

/** Copies the mailbox of a world, in as many runs as it takes, and compares. */
async function copyAndCheck(world: World): Promise<void> {
  const clock = new VirtualClock()
  await using database = openSqlite(':memory:')
  await migrateToLatest(database)
  const stores = openStores(database, new SecretBox(randomBytes(32)), clock)
  const commands = new ExtractionCommands(stores.extractions, {
    start: async () => {},
    wake() {},
    stop: async () => {},
  })
  const connectionId = 'c' as ConnectionId
  const blobs = new MemoryBlobStore()
  const budget = new ByteBudget(world.budget)
  const pausesAt = [...world.pausesAt]
  const graph = new ScheduledGraph(world, clock, (request) => {
    if (!pausesAt.includes(request)) return
    pausesAt.splice(pausesAt.indexOf(request), 1)
    void commands.pause(connectionId)
  })
  await commands.start({ connectionId, userUpn: 'ann@contoso.example', options: DEFAULT_OPTIONS, credentials: {} })

  for (let runs = 0; ; runs++) {
    assert.ok(runs <= world.pausesAt.length, 'a run ends for a pause or for good')
    const claimed = await stores.claims.claimNext()
    assert.ok(claimed)
    const job = copyMailbox(
      claimed,
      { provider: graph, store: stores.messages, contents: stores.contents, blobs, budget, clock },
      new AbortController().signal,
    )
    const end = await passUntilSettled(job, clock)
    const status = await stores.claims.settle(claimed.claim, end === 'done' ? 'complete' : 'stop')
    if (status === 'completed') break
    assert.equal(status, 'paused')
    await commands.continue(connectionId)
  }

  const extraction = await commands.get(connectionId)
  const { items } = await stores.emails.listEmails(extraction.id, { limit: 1_000 })
  assert.deepEqual(items.map(({ id }) => id).sort(), graph.allIds())
  assert.equal(extraction.progress.foldersDone, world.folders.length)
  assert.equal(extraction.messagesUnlisted, world.unlisted)
  assert.equal(blobs.blobs.size, graph.allAttachments().length)
  const { attachmentsTotal, attachmentsStored } = extraction.progress
  assert.deepEqual([attachmentsTotal, attachmentsStored], Array(2).fill(graph.allAttachments().length))
  assert.deepEqual(graph.violations, [])
}

/** 'done', or 'stopped' for a run that ended at a checkpoint because it was asked to. */
async function passUntilSettled(job: Promise<unknown>, clock: VirtualClock): Promise<'done' | 'stopped'> {
  let end: 'done' | 'stopped' | undefined
  let failure: unknown
  const watched = job.then(
    () => (end = 'done'),
    (error) => {
      if (error instanceof StoppedError) end = 'stopped'
      else failure = error
    },
  )
  const deadline = clock.now() + DEADLINE_MS
  while (!end && !failure) {
    assert.ok(clock.now() < deadline, 'the job ends')
    await clock.pass(60_000)
  }
  await watched
  if (failure) throw failure
  assert.ok(end)
  return end
}

/** Mailboxes with three messages a page, behind the real limiter, at the pace of a world. */
class ScheduledGraph implements MailboxProvider {
  readonly violations: string[] = []
  readonly #world: World
  readonly #clock: VirtualClock
  readonly #limiter: RequestLimiter
  readonly #startedAt: number[] = []
  readonly #onRequest: (request: number) => void
  #inFlight = 0
  #requests = 0
  #closedUntil = 0

  constructor(world: World, clock: VirtualClock, onRequest: (request: number) => void) {
    this.#world = world
    this.#clock = clock
    this.#onRequest = onRequest
    this.#limiter = new RequestLimiter(LIMITS, clock)
  }

  allIds(): string[] {
    return this.#world.folders
      .flatMap((pages, folder) => Array.from({ length: pages }, (_, page) => idsOf(folderId(folder), page)))
      .flat()
      .sort()
  }

  allAttachments(): string[] {
    return this.allIds().flatMap((id) => this.#attachmentsOf(id))
  }

  open(userUpn: string, _credentials: object, signal: AbortSignal): { traffic: Traffic; mailbox: Promise<Mailbox> } {
    const traffic = { takeUsage: () => ({ requests: 0, retries: 0, throttledMs: 0 }), waitingFor: () => undefined }
    return { traffic, mailbox: Promise.resolve(this.#mailbox(userUpn, signal)) }
  }

  #mailbox(userUpn: string, signal: AbortSignal): Mailbox {
    return {
      objectId: 'u1',
      userUpn,
      listFolders: async () => ({
        folders: this.#world.folders.map((_, index) => aFolder(folderId(index))),
        isWalkedInFull: true,
      }),
      findWellKnownFolder: async () => undefined,
      readPage: (folder, from) => this.#request(signal, () => this.#page(folder, from)),
      receivedBounds: async () => undefined, // no folder is large here
      readRange: async () => ({ messages: [], rest: undefined, bytes: PAGE_BYTES }),
      newestIn: async () => [],
      readMessage: async () => ({ is: 'gone' }),
      listAttachments: (id) =>
        this.#request(signal, () => ({ is: 'had', value: this.#attachmentsOf(id).map(anAttachment) })),
      readAttachment: async (_message, id, sink) =>
        this.#request(signal, () => id).then(async (text) => ({ is: 'had', value: await sink(oneChunk(text)) })),
      readSmallAttachments: async () => ({ is: 'gone' }),
      readMime: async () => ({ is: 'gone' }),
      countMessages: (folder) => this.#request(signal, () => this.#pagesOf(folder) * 3),
      countAllMessages: () => this.#request(signal, () => this.allIds().length + this.#world.unlisted),
    }
  }

  /** One request at a time and place, as Graph would count it; repeated after a 429. */
  async #request<Answer>(signal: AbortSignal, answer: () => Answer): Promise<Answer> {
    const { latenciesMs, throttling } = this.#world
    for (;;) {
      const release = await this.#limiter.acquire(signal)
      this.#requests++
      this.#onRequest(this.#requests)
      this.#count()
      const request = this.#requests
      try {
        await this.#clock.sleep(latenciesMs[request % latenciesMs.length] ?? 0, signal)
      } finally {
        this.#inFlight--
        if (signal.aborted) release()
      }
      if (request % throttling.every === 0) {
        this.#closedUntil = Math.max(this.#closedUntil, this.#clock.now() + throttling.forMs)
        this.#limiter.fence(this.#clock.now() + throttling.forMs, 'throttled')
      }
      release()
      if (request % throttling.every !== 0) return answer()
    }
  }

  #count(): void {
    const now = this.#clock.now()
    this.#startedAt.push(now)
    this.#inFlight++
    const inWindow = this.#startedAt.filter((at) => at > now - LIMITS.windowMs).length
    if (this.#inFlight > LIMITS.inFlight) this.violations.push(`${this.#inFlight} in flight`)
    if (inWindow > LIMITS.quota) this.violations.push(`${inWindow} in a window`)
    if (now < this.#closedUntil) this.violations.push('a request inside a fence')
  }

  #page(folder: FolderId, from: Checkpoint): Page {
    const number = from.at === 'page' ? Number(from.link) : from.at === 'end' ? this.#pagesOf(folder) : 0
    const isLast = number + 1 >= this.#pagesOf(folder)
    const messages =
      number < this.#pagesOf(folder)
        ? idsOf(folder, number).map((id) =>
            aBareMessage(id, { mayHaveAttachments: this.#attachmentsOf(id).length > 0 }),
          )
        : []
    const next: Checkpoint = isLast ? { at: 'end', link: 'delta' } : { at: 'page', link: String(number + 1) }
    return { messages, patches: [], incomplete: [], versions: [], removed: [], next, bytes: PAGE_BYTES }
  }

  #attachmentsOf(messageId: string): string[] {
    const number = Number(messageId.at(-1)) + Number(messageId.at(-3))
    return number % this.#world.attachmentsEvery === 0 ? [`${messageId}-a`, `${messageId}-b`] : []
  }

  #pagesOf(folder: FolderId): number {
    return this.#world.folders[Number(folder.slice(1))] ?? 0
  }
}

function folderId(index: number): FolderId {
  return `f${index}` as FolderId
}

function idsOf(folder: FolderId, page: number): string[] {
  return [0, 1, 2].map((item) => `${folder}-${page}-${item}`)
}

function aFolder(id: FolderId): Folder {
  // Graph's estimate is wrong on purpose, so that every folder is counted at its end.
  return { id, parentId: null, displayName: id, path: id, isHidden: false, isRecoverable: false, totalItemCount: 1 }
}

function anAttachment(id: string): Attachment {
  return {
    id: id as AttachmentId,
    kind: 'file',
    name: null,
    contentType: null,
    size: SMALL_TOTAL_BYTES, // too large to be asked for together
    isInline: false,
    contentId: null,
    lastModifiedDateTime: null,
  }
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}
