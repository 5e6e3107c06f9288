import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../src/clock.ts'
import { ByteBudget } from '../src/copying/byte-budget.ts'
import { copyMailbox } from '../src/copying/copy-mailbox.ts'
import type { Message } from '../src/copying/message.ts'
import { timeOf } from '../src/copying/received-range.ts'
import { includes, isEverything, type Span, type Spans, unionOf } from '../src/copying/spans.ts'
import { StoppedError } from '../src/copying/stopped.ts'
import { MemoryBlobStore } from '../src/copying/testing/memory-blob-store.ts'
import type { ConnectionId } from '../src/extractions/extraction.ts'
import { ExtractionCommands } from '../src/extractions/extraction-commands.ts'
import { DEFAULT_OPTIONS } from '../src/extractions/options.ts'
import { openSqlite } from '../src/storage/dialects/sqlite.ts'
import { migrateToLatest } from '../src/storage/migrate.ts'
import { SecretBox } from '../src/storage/secret-box.ts'
import { openStores } from '../src/storage/stores.ts'
import { BEGINNING, ChangingInbox, type Event, type World } from './support/changing-inbox.ts'

/* A folder that is filled by ranges, whatever happens to it meanwhile. */

const time = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 2_000 }) },
  { weight: 8, arbitrary: fc.integer({ min: 1_600, max: 2_000 }) }, // denser: this range is split
  { weight: 3, arbitrary: fc.constant(1_000) },
  { weight: 1, arbitrary: fc.integer({ min: -13_000_000_000, max: 2_000_000_000 }) },
  { weight: 1, arbitrary: fc.constant(null) },
)
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ is: fc.constant('arrive' as const), at: time }),
  fc.record({ is: fc.constantFrom('edit' as const, 'delete' as const), which: fc.nat() }),
  fc.constant({ is: 'link dies' as const }),
  fc.constant({ is: 'pause' as const }),
)
const pauses = fc.array(
  fc.record({ before: fc.integer({ min: 1, max: 60 }), event: fc.constant<Event>({ is: 'pause' }) }),
  { maxLength: 6 },
)
const worlds: fc.Arbitrary<World> = fc.record({
  times: fc.oneof(
    fc.array(time, { maxLength: 80 }),
    fc.array(fc.integer({ min: 1_200, max: 2_000 }), { minLength: 30, maxLength: 80 }),
    fc.array(time, { minLength: 105, maxLength: 130 }), // more than few
  ),
  pageSize: fc.oneof(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 9 })),
  poison: fc.array(fc.nat({ max: 79 }), { maxLength: 2 }),
  events: fc.oneof(fc.array(fc.record({ before: fc.integer({ min: 1, max: 60 }), event }), { maxLength: 12 }), pauses),
})

/** From where to where, counted as the times of messages are. */
const spans: fc.Arbitrary<Span> = fc
  .tuple(fc.option(fc.integer({ min: -100, max: 2_100 })), fc.option(fc.integer({ min: -100, max: 2_100 })))
  .filter(([from, before]) => from === null || before === null || from < before)
  .map(([from, before]) => ({ from: toTime(from), before: toTime(before) }))

function toTime(at: number | null): string | null {
  return at === null ? null : timeOf(BEGINNING + at)
}

test('whatever arrives, changes, goes, breaks or stops while a folder is filled, the copy is whole in the end', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      await using copy = await Copy.open(world)
      const { inbox } = copy
      await copy.run({ from: null, before: null })
      // Where nothing but pauses happens, only mail without a time has to be read by itself: the ranges bring the rest.
      const isOrderly = isQuiet(world) && inbox.poisoned().length === 0
      const undated = world.times.filter((at) => at === null).length
      const hasDated = undated < world.times.length
      if (isOrderly && hasDated) assert.equal(inbox.readSingly, undated)
      inbox.isQuiet = true
      await copy.run({ from: null, before: null }) // what changed after the last look is for the next run
      await copy.holds(inbox.readable())
      assert.deepEqual(await copy.ledger(), inbox.poisoned().sort())
    }),
    { numRuns: 150 },
  )
})

test('runs over one stretch of time after another hold what was received in any of them, and fetch nothing twice', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, fc.array(spans, { minLength: 1, maxLength: 4 }), async (world, stretches) => {
      await using copy = await Copy.open(world)
      const { inbox } = copy
      let wanted: Spans = []
      for (const stretch of stretches) {
        const before = await copy.stored()
        inbox.given.clear()
        inbox.readSingly = 0
        wanted = unionOf(wanted, [stretch])
        await copy.run(stretch)
        if (isQuiet(world)) {
          assert.deepEqual(
            [...inbox.given.keys()].filter((id) => before.includes(id)),
            [],
          )
          // Of a stretch the ranges bring all there is; mail without a time belongs to none.
          if (inbox.poisoned().length === 0 && !isEverything(wanted)) assert.equal(inbox.readSingly, 0)
        }
      }
      inbox.isQuiet = true
      for (const stretch of stretches) await copy.run(stretch)
      await copy.holds(inbox.readable().filter(({ receivedDateTime }) => includes(wanted, receivedDateTime)))
    }),
    { numRuns: 150 },
  )
})

function isQuiet({ events }: World): boolean {
  return events.every((one) => one.event.is === 'pause')
}

/** One mailbox of one folder, and what is stored of it. */
class Copy implements AsyncDisposable {
  readonly inbox: ChangingInbox
  readonly #database: ReturnType<typeof openSqlite>
  readonly #stores: ReturnType<typeof openStores>
  readonly #commands: ExtractionCommands
  readonly #connectionId = 'c' as ConnectionId
  readonly #blobs = new MemoryBlobStore()
  readonly #budget = new ByteBudget(1_000_000)
  #pausing: Promise<unknown> = Promise.resolve()

  private constructor(world: World, database: ReturnType<typeof openSqlite>) {
    this.#database = database
    this.#stores = openStores(database, new SecretBox(randomBytes(32)), systemClock)
    const idle = { start: async () => {}, wake() {}, stop: async () => {} }
    this.#commands = new ExtractionCommands(this.#stores.extractions, idle)
    this.inbox = new ChangingInbox(world, () => {
      this.#pausing = this.#commands.pause(this.#connectionId)
    })
  }

  static async open(world: World): Promise<Copy> {
    const database = openSqlite(':memory:')
    await migrateToLatest(database)
    return new Copy(world, database)
  }

  /** From the start to the end of an extraction, continued whenever it is paused. */
  async run({ from, before }: Span): Promise<void> {
    await this.#commands.start({
      connectionId: this.#connectionId,
      userUpn: 'ann@contoso.example',
      options: { ...DEFAULT_OPTIONS, attachments: 'none', receivedAfter: from, receivedBefore: before },
      credentials: {},
    })
    for (let status = await this.#turn(); status !== 'completed'; status = await this.#turn()) {
      await this.#commands.continue(this.#connectionId)
    }
  }

  async #turn() {
    const claimed = await this.#stores.claims.claimNext()
    assert.ok(claimed)
    const { messages: store, contents } = this.#stores
    const end = await copyMailbox(
      claimed,
      { provider: this.inbox, store, contents, blobs: this.#blobs, budget: this.#budget, clock: systemClock },
      new AbortController().signal,
    ).catch((error) => {
      if (!(error instanceof StoppedError)) throw error
      return 'stopped' as const
    })
    await this.#pausing.catch(() => {}) // it may have come too late
    return this.#stores.claims.settle(claimed.claim, end === 'done' ? 'complete' : 'stop')
  }

  /** The ids of messages that are not marked as removed. */
  async stored(): Promise<string[]> {
    const rows = await this.#database.db.selectFrom('emails').select(['id', 'removed_at']).execute()
    return rows.filter((row) => row.removed_at === null).map(({ id }) => id)
  }

  /** These as they are now, each once, and nothing else; and nothing is left of the walks. */
  async holds(messages: readonly Message[]): Promise<void> {
    const { db } = this.#database
    const rows = await db.selectFrom('emails').select(['id', 'change_key', 'removed_at']).execute()
    const live = rows.filter((row) => row.removed_at === null)
    assert.deepEqual(
      live.map((row) => `${row.id} ${row.change_key}`).sort(),
      messages.map(({ id, changeKey }) => `${id} ${changeKey}`).sort(),
    )
    assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length)
    assert.deepEqual(await db.selectFrom('ranges').select('number').execute(), [])
    assert.deepEqual(await db.selectFrom('walked_messages').select('message_id').execute(), [])
  }

  async ledger(): Promise<string[]> {
    const rows = await this.#database.db.selectFrom('skipped_emails').select('message_id').execute()
    return rows.map((row) => row.message_id).sort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]()
  }
}
