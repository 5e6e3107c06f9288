import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { FolderSpec } from '../simulator/folder.ts'
import type { Mutation } from '../simulator/mutations.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import type { TruthFolder } from '../simulator/truth.ts'
import { type Clock, systemClock } from '../src/clock.ts'
import { ByteBudget } from '../src/copying/byte-budget.ts'
import { copyMailbox } from '../src/copying/copy-mailbox.ts'
import { MemoryBlobStore } from '../src/copying/testing/memory-blob-store.ts'
import type { ConnectionId } from '../src/extractions/extraction.ts'
import { ExtractionCommands } from '../src/extractions/extraction-commands.ts'
import { DEFAULT_OPTIONS, type ExtractionOptions } from '../src/extractions/options.ts'
import { connectGraph, type Graph } from '../src/graph/graph.ts'
import { openSqlite } from '../src/storage/dialects/sqlite.ts'
import { migrateToLatest } from '../src/storage/migrate.ts'
import { SecretBox } from '../src/storage/secret-box.ts'
import { openStores } from '../src/storage/stores.ts'

/* Runs one after the other over a mailbox whose folders change in between: what is found, and what it costs. */

const HOUR_MS = 3_600_000
const CONNECTION = 'c' as ConnectionId

const FOLDERS: FolderSpec[] = [
  {
    name: 'Inbox',
    alias: 'inbox',
    count: 4,
    children: [{ name: 'A', count: 2, children: [{ name: 'B', count: 1, children: [{ name: 'C', count: 3 }] }] }],
  },
  { name: 'History', children: [{ name: 'Chat', count: 2, hidden: true, children: [{ name: 'Old', count: 1 }] }] },
  { name: 'Clutter', hidden: true, count: 2 },
  { name: 'Archive', count: 3 },
  { name: 'Large mail', searchOf: 'inbox' },
]

const WITH_UNLISTED = 'imap@example.com'
const UNLISTED: FolderSpec[] = [
  { name: 'Inbox', alias: 'inbox', count: 2, children: [{ name: 'A', count: 1 }] },
  { name: 'Old server', containerClass: 'IPF.Imap', count: 5 },
]

let simulator: Simulator
let graph: Graph
let mailboxes = 0

before(async () => {
  // Laid out when they are first read, so there may be one for each world that is tried.
  const worlds = Array.from({ length: 5_000 }, (_, index) => ({ name: `world${index}`, messages: 0, folders: FOLDERS }))
  const others = [{ name: WITH_UNLISTED, messages: 0, folders: UNLISTED }]
  simulator = await startSimulator({ demo: false, mailboxes: [...worlds, ...others], limits: false })
  const { tenantId, clientId, clientSecret, url, ca } = simulator
  const defaults = { tenantId, clientId, clientSecret }
  graph = connectGraph({ graphUrl: url, loginUrl: url, defaults, connection: { ca }, clock: systemClock })
})
after(async () => {
  await graph.close()
  await simulator.close()
})

/** One mailbox of the simulator, what is stored of it, and a clock that can be put forward. */
class Copy implements AsyncDisposable {
  readonly user: string
  readonly #database: ReturnType<typeof openSqlite>
  readonly #stores: ReturnType<typeof openStores>
  readonly #commands: ExtractionCommands
  #aheadMs = 0
  readonly #clock: Clock = { now: () => systemClock.now() + this.#aheadMs, sleep: systemClock.sleep }

  private constructor(user: string, database: ReturnType<typeof openSqlite>) {
    this.user = user
    this.#database = database
    this.#stores = openStores(database, new SecretBox(randomBytes(32)), this.#clock)
    const idle = { start: async () => {}, wake() {}, stop: async () => {} }
    this.#commands = new ExtractionCommands(this.#stores.extractions, idle)
  }

  static async open(user = `world${mailboxes++}@example.com`): Promise<Copy> {
    const database = openSqlite(':memory:')
    await migrateToLatest(database)
    return new Copy(user, database)
  }

  pass(ms: number): void {
    this.#aheadMs += ms
  }

  /** A run to its end; answers what it asked of the simulator, by kind. */
  async run(asked: Partial<ExtractionOptions> = {}): Promise<Record<string, number>> {
    const options = { ...DEFAULT_OPTIONS, attachments: 'none' as const, ...asked }
    await this.#commands.start({ connectionId: CONNECTION, userUpn: this.user, options, credentials: {} })
    const claimed = await this.#stores.claims.claimNext()
    assert.ok(claimed)
    simulator.resetStats()
    const { messages: store, contents } = this.#stores
    const services = { provider: graph.mailboxes, store, contents, blobs: new MemoryBlobStore() }
    const dependencies = { ...services, budget: new ByteBudget(1_000_000), clock: this.#clock }
    try {
      await copyMailbox(claimed, dependencies, new AbortController().signal)
      await this.#stores.claims.settle(claimed.claim, 'complete')
    } catch (error) {
      await this.#stores.claims.settle(claimed.claim, 'fail', { code: 'internal_error', message: '' })
      throw error
    }
    const { requests, by_kind } = simulator.stats()
    return { ...by_kind, requests }
  }

  mutate(...changes: Change[]) {
    return simulator.mutate(...changes.map((change) => ({ ...change, user: this.user }) as Mutation))
  }

  /** Folders that a walk is to find, as they are. */
  folders(): TruthFolder[] {
    return [...simulator.truth(this.user)].filter((line) => line.type === 'folder').filter((line) => !line.search)
  }

  /** Paths by id of the folders that are not marked as gone. */
  async storedFolders(): Promise<Map<string, string>> {
    const rows = await this.#database.db.selectFrom('folders').select(['id', 'path', 'removed_at']).execute()
    return new Map(rows.filter((row) => row.removed_at === null).map(({ id, path }) => [id, path]))
  }

  async unlisted(): Promise<number | null | undefined> {
    const rows = await this.#database.db.selectFrom('extractions').select('messages_unlisted').orderBy('seq').execute()
    return rows.at(-1)?.messages_unlisted
  }

  async holdsAllMail(): Promise<void> {
    const rows = await this.#database.db.selectFrom('emails').selectAll().where('removed_at', 'is', null).execute()
    const messages = [...simulator.truth(this.user)].filter((line) => line.type === 'message')
    assert.deepEqual(
      rows.map((row) => `${row.id} in ${row.parent_folder_id}`).sort(),
      messages.map(({ id, folder_id }) => `${id} in ${folder_id}`).sort(),
    )
  }

  async holdsAllFolders(): Promise<void> {
    assert.deepEqual(
      [...(await this.storedFolders())].sort(),
      this.folders()
        .map(({ id, path }) => [id, path])
        .sort(),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]()
  }
}

type Change = Omit<Mutation, 'user'> & Record<string, unknown>

const nowhere = fc.constant(undefined)
/** Of the folders that there are at that moment. */
const some = fc.nat({ max: 30 })
const step = fc.record({
  changes: fc.array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          is: fc.constant('create' as const),
          below: fc.oneof(some, nowhere),
          hidden: fc.boolean(),
          mail: fc.nat({ max: 2 }),
        }),
      },
      fc.record({ is: fc.constantFrom('rename' as const, 'delete' as const, 'arrive' as const), which: some }),
      fc.record({ is: fc.constant('move' as const), which: some, to: some }),
      fc.record({ is: fc.constant('take mail' as const), which: some, to: some }),
      fc.record({
        is: fc.constant('show' as const),
        shows: fc.constantFrom('visible' as const, 'everything' as const, 'top_level' as const),
      }),
    ),
    { maxLength: 4 },
  ),
  hours: fc.constantFrom(1, 1, 1, 25),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

let names = 0

function change(copy: Copy, wish: Step['changes'][number]): void {
  const folders = copy.folders()
  // The Inbox is of the folders that stay.
  const movable = folders.filter(({ alias }) => alias !== 'inbox')
  const anyOf = (which: number) => folders[which % folders.length]?.id ?? ''
  switch (wish.is) {
    case 'create': {
      const parent = wish.below === undefined ? {} : { parent: anyOf(wish.below) }
      const [made] = copy.mutate({ type: 'create_folder', name: `New ${++names}`, hidden: wish.hidden, ...parent })
      if (wish.mail > 0) copy.mutate({ type: 'arrive', folder: made?.folder, count: wish.mail })
      return
    }
    case 'rename':
    case 'delete': {
      const folder = movable[wish.which % movable.length]?.id
      const change =
        wish.is === 'rename' ? { type: 'rename_folder', name: `Renamed ${++names}` } : { type: 'delete_folder' }
      if (folder) copy.mutate({ ...change, folder } as Change)
      return
    }
    case 'move': {
      const folder = movable[wish.which % movable.length]
      const parent = folders[wish.to % folders.length]
      if (!folder || !parent || `${parent.path}/`.startsWith(`${folder.path}/`)) return
      copy.mutate({ type: 'move_folder', folder: folder.id, parent: parent.id })
      return
    }
    case 'arrive':
      copy.mutate({ type: 'arrive', folder: anyOf(wish.which), count: 1 })
      return
    case 'take mail':
      copy.mutate({ type: 'move', folder: anyOf(wish.which), to: anyOf(wish.to), count: 1 })
      return
    case 'show':
      copy.mutate({ type: 'folder_delta', shows: wish.shows })
  }
}

test('however the folders of a mailbox change between runs, all mail is copied, and each folder stands where it is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
      await using copy = await Copy.open()
      await copy.run()
      for (const { changes, hours } of steps) {
        for (const wish of changes) change(copy, wish)
        copy.pass(hours * HOUR_MS)
        await copy.run()
        await copy.holdsAllMail()
        const stored = await copy.storedFolders()
        const known = copy.folders().filter(({ id }) => stored.has(id))
        assert.deepEqual([...stored].sort(), known.map(({ id, path }) => [id, path]).sort())
        // What is hidden and holds nothing may be found a day later.
        const isEmpty = ({ path }: TruthFolder) =>
          copy.folders().every((one) => one.total === 0 || !`${one.path}/`.startsWith(`${path}/`))
        for (const folder of copy.folders())
          if (!stored.has(folder.id)) assert.ok(isEmpty(folder) && hours < 24, folder.path)
      }
    }),
    { numRuns: 60 },
  )
})

test('a run over what has not changed costs a request a folder, and ten at most', async () => {
  await using copy = await Copy.open()
  await copy.run()
  const folders = copy.folders().length
  copy.mutate({ type: 'arrive', folder: 'Inbox/A/B/C', count: 2 })
  const { requests = 0, folders: asked, folder_delta: flat } = await copy.run()
  await copy.holdsAllMail()
  // The top, and History for its hidden Chat.
  assert.deepEqual([flat, asked], [1, 2])
  assert.ok(requests <= folders + 10, `${requests} requests for ${folders} folders`)

  copy.pass(23 * HOUR_MS)
  assert.equal((await copy.run()).folders, 2)
  copy.pass(2 * HOUR_MS)
  assert.equal((await copy.run()).folders, folders + 1, 'a day after the last full walk each folder is asked again')
  assert.equal((await copy.run()).folders, 2)
})

test('mail in a hidden folder that is new is copied by the next run, since Graph counts it in the mailbox', async () => {
  await using copy = await Copy.open()
  await copy.run()
  const [made] = copy.mutate({ type: 'create_folder', name: 'Out of sight', parent: 'Inbox/A', hidden: true })
  copy.mutate(
    { type: 'arrive', folder: made?.folder, count: 2 },
    { type: 'move', folder: 'inbox', to: made?.folder, count: 1 },
  )
  await copy.run()
  await copy.holdsAllMail()
  await copy.holdsAllFolders()
  assert.equal(await copy.unlisted(), 0)
  const { folders } = await copy.run()
  assert.ok((folders ?? 0) < copy.folders().length, 'from then on it is known')
})

test('where only some mail is wanted, a hidden folder that is new is found a day after the last full walk', async () => {
  await using copy = await Copy.open()
  const options = { folders: { include: [], exclude: ['Archive'] } }
  await copy.run(options)
  const [made] = copy.mutate({ type: 'create_folder', name: 'Out of sight', parent: 'Inbox/A', hidden: true })
  copy.mutate({ type: 'arrive', folder: made?.folder, count: 2 })
  await copy.run(options)
  assert.ok(!(await copy.storedFolders()).has(made?.folder ?? ''))
  copy.pass(24 * HOUR_MS)
  await copy.run(options)
  await copy.holdsAllFolders()
  await copy.run()
  await copy.holdsAllMail()
})

test('a hidden folder that is new can be asked for by its name', async () => {
  await using copy = await Copy.open()
  await copy.run()
  const [made] = copy.mutate({ type: 'create_folder', name: 'Out of sight', parent: 'Inbox/A', hidden: true })
  copy.mutate({ type: 'arrive', folder: made?.folder, count: 2 })
  await copy.run({ folders: { include: ['Inbox/A/Out of sight'], exclude: [] } })
  await copy.holdsAllMail()
})

test('mail that is in no folder at all is told of in each run, and no folder is walked twice for it', async () => {
  await using copy = await Copy.open(WITH_UNLISTED)
  for (let runs = 1; runs <= 3; runs++) {
    const { delta } = await copy.run()
    assert.equal(await copy.unlisted(), 5)
    assert.equal(delta, 2)
  }
})

test('a walk that broke off is not taken for a full one', async () => {
  await using copy = await Copy.open()
  const effect = { status: 403, code: 'ErrorAccessDenied' }
  simulator.faults.add({ match: { kind: 'folders', user: copy.user, nth: 3 }, effect })
  await assert.rejects(copy.run(), { code: 'mailbox_access_denied' })
  simulator.faults.clear()
  assert.equal((await copy.run()).folders, copy.folders().length + 1)
  await copy.holdsAllMail()
})

test('where folder delta is refused, each folder is asked in every run', async () => {
  await using copy = await Copy.open()
  await copy.run()
  const refusal = { scope: 'folder_delta', status: 400, code: 'ErrorInvalidIdMalformed', message: 'Id is malformed.' }
  copy.mutate({ type: 'refuse', refusal })
  const [made] = copy.mutate({ type: 'create_folder', name: 'New', parent: 'Inbox/A' })
  copy.mutate({ type: 'delete_folder', folder: 'Inbox/A/B' }, { type: 'arrive', folder: made?.folder, count: 2 })
  assert.equal((await copy.run()).folders, copy.folders().length + 1)
  await copy.holdsAllMail()
  await copy.holdsAllFolders()
})
