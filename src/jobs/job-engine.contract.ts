import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { BatchId, ConnectionId } from '../extractions/extraction.ts'
import type { ExtractionCommands } from '../extractions/extraction-commands.ts'
import type { ExtractionStatus } from '../extractions/extraction-status.ts'
import type { ClaimedExtraction, ClaimStore } from '../extractions/extraction-store.ts'
import type { JobEngine } from '../extractions/job-engine.ts'
import { DEFAULT_OPTIONS } from '../extractions/options.ts'

/** Far longer than anything takes: a test that waits for what never comes ends with a reason. */
const GIVE_UP_MS = 30_000

/** An empty database, and engines over it. */
export interface EngineWorld extends AsyncDisposable {
  claims: ClaimStore
  commands: ExtractionCommands
  /** The one engine of this world, which has not been started. */
  open(worker: Worker, concurrency: number): Promise<JobEngine>
}

/** A worker whose every run ends when the test says so, or when it is told to stop. */
export class Worker {
  readonly running = new Map<string, (event: 'complete' | 'fail') => Promise<unknown>>()
  /** In the order in which they began. */
  readonly begun: string[] = []
  readonly epochs: number[] = []
  mostAtOnce = 0
  readonly #claims: ClaimStore

  constructor(claims: ClaimStore) {
    this.#claims = claims
  }

  readonly run = ({ claim, userUpn }: ClaimedExtraction, { signal }: { signal: AbortSignal }): Promise<void> =>
    new Promise((resolve) => {
      const end = async (event: 'complete' | 'fail' | 'stop') => {
        if (!this.running.delete(userUpn)) return // it has ended some other way
        await this.#claims.settle(claim, event)
        resolve()
      }
      signal.addEventListener('abort', () => end('stop'), { once: true })
      this.begun.push(userUpn)
      this.epochs.push(claim.epoch)
      this.running.set(userUpn, end)
      this.mostAtOnce = Math.max(this.mostAtOnce, this.running.size)
    })

  async begins(userUpn: string): Promise<void> {
    await until(`${userUpn} to begin`, async () => this.running.has(userUpn))
  }

  async finish(userUpn: string): Promise<void> {
    await this.begins(userUpn)
    await this.running.get(userUpn)?.('complete')
  }

  /** Ends whatever runs, until so many have begun. */
  async finishAll(count: number): Promise<void> {
    await until(`${count} to have run`, async () => {
      for (const end of [...this.running.values()]) await end('complete')
      return this.begun.length === count && this.running.size === 0
    })
  }
}

/** What every engine must do for us; each adapter's test opens a world and runs these. */
export function jobEngineContract(openWorld: () => Promise<EngineWorld>): void {
  test('as many run at once as allowed, the next begins when one ends, and all get their turn', async () => {
    await using world = await openWorld()
    const worker = new Worker(world.claims)
    await using _engine = await started(world, worker, 2)
    const members = Array.from({ length: 5 }, (_, index) => `user${index}@x.example`)
    await startBatch(world, members)
    await worker.finishAll(5)
    assert.deepEqual([...worker.begun].sort(), members)
    assert.ok(worker.mostAtOnce <= 2)
  })

  test('nothing begins before the start, and nothing after the stop', async () => {
    await using world = await openWorld()
    const worker = new Worker(world.claims)
    const engine = await world.open(worker, 2)
    await start(world, 'a@x.example')
    assert.equal(worker.begun.length, 0)
    await engine.start()
    await worker.begins('a@x.example')
    await engine.stop()
    await start(world, 'late@x.example')
    assert.deepEqual(worker.begun, ['a@x.example'])
    assert.equal(await statusOf(world, 'late@x.example'), 'queued')
  })

  test('a stop gives the work back, and not as a failure', async () => {
    await using world = await openWorld()
    const worker = new Worker(world.claims)
    const engine = await started(world, worker, 1)
    await start(world, 'a@x.example')
    await worker.begins('a@x.example')
    await engine[Symbol.asyncDispose]()
    assert.equal(await statusOf(world, 'a@x.example'), 'queued')
  })

  test('a wish to pause reaches the run it is for, and no other; continued, it runs again under a new epoch', async () => {
    await using world = await openWorld()
    const worker = new Worker(world.claims)
    await using _engine = await started(world, worker, 2)
    for (const name of ['a@x.example', 'b@x.example']) await start(world, name)
    for (const name of ['a@x.example', 'b@x.example']) await worker.begins(name)
    await world.commands.pause(connection('b@x.example'))
    await untilStatus(world, 'b@x.example', 'paused')
    assert.deepEqual([...worker.running.keys()], ['a@x.example'])

    await world.commands.continue(connection('b@x.example'))
    await worker.begins('b@x.example')
    assert.equal(worker.epochs.at(-1), 2)
    await worker.finishAll(3)
    await untilStatus(world, 'b@x.example', 'completed')
  })

  test('a wish to cancel stops the run, and another extraction takes its place', async () => {
    await using world = await openWorld()
    const worker = new Worker(world.claims)
    await using _engine = await started(world, worker, 1)
    await start(world, 'a@x.example')
    await worker.begins('a@x.example')
    await start(world, 'b@x.example')
    await world.commands.cancel(connection('a@x.example'))
    await untilStatus(world, 'a@x.example', 'cancelled')
    await worker.finish('b@x.example')
  })

  test('two connections with one mailbox are copied one after the other', async () => {
    await using world = await openWorld()
    const worker = new Worker(world.claims)
    await using _engine = await started(world, worker, 4)
    await start(world, 'a@x.example', 'first')
    await worker.begins('a@x.example') // of two that are started at once, either may be the first
    await start(world, 'A@x.example', 'second')
    await start(world, 'b@x.example') // by the time that this one has begun, the second would have, too
    await worker.begins('b@x.example')
    assert.deepEqual([...worker.running.keys()].sort(), ['a@x.example', 'b@x.example'])
    await worker.finish('a@x.example')
    await worker.finish('A@x.example')
  })

  test('one that is started by name goes ahead of the members of a batch', async () => {
    await using world = await openWorld()
    const worker = new Worker(world.claims)
    await using _engine = await started(world, worker, 1)
    await startBatch(world, ['m1@x.example', 'm2@x.example', 'm3@x.example'])
    await worker.begins('m1@x.example')
    await start(world, 'named@x.example')
    await worker.finishAll(4)
    assert.deepEqual(worker.begun, ['m1@x.example', 'named@x.example', 'm2@x.example', 'm3@x.example'])
  })

  test('a small batch does not wait for all of a large one', async () => {
    await using world = await openWorld()
    const worker = new Worker(world.claims)
    await using _engine = await started(world, worker, 1)
    const large = Array.from({ length: 30 }, (_, index) => `large${index}@x.example`)
    await startBatch(world, large)
    await worker.begins('large0@x.example')
    await startBatch(world, ['small@x.example'])
    await worker.finishAll(31)
    assert.ok(worker.begun.indexOf('small@x.example') <= 3, 'its turn comes soon')
  })

  test('a batch that is continued goes behind those who waited meanwhile', async () => {
    await using world = await openWorld()
    const worker = new Worker(world.claims)
    const engine = await world.open(worker, 1)
    const first = await startBatch(world, ['old1@x.example', 'old2@x.example'])
    await world.commands.pauseBatch(first)
    await startBatch(world, ['new1@x.example', 'new2@x.example'])
    await world.commands.continueBatch(first)
    await engine.start()
    await worker.finishAll(4)
    await engine.stop()
    assert.equal(worker.begun[0], 'new1@x.example')
  })
}

type Started = JobEngine & AsyncDisposable

async function started(world: EngineWorld, worker: Worker, concurrency: number): Promise<Started> {
  const engine = await world.open(worker, concurrency)
  await engine.start()
  return Object.assign(engine, { [Symbol.asyncDispose]: () => engine.stop() })
}

function connection(userUpn: string): ConnectionId {
  return userUpn as ConnectionId
}

function start({ commands }: EngineWorld, userUpn: string, connectionId = userUpn) {
  const rest = { credentials: {}, options: DEFAULT_OPTIONS }
  return commands.start({ connectionId: connection(connectionId), userUpn, ...rest })
}

async function startBatch({ commands }: EngineWorld, userUpns: string[]): Promise<BatchId> {
  const rest = { exclude: [], credentials: {}, options: DEFAULT_OPTIONS }
  const { id } = await commands.startBatch({ source: { kind: 'users' }, userUpns, ...rest })
  return id
}

async function statusOf({ commands }: EngineWorld, userUpn: string): Promise<ExtractionStatus> {
  return (await commands.get(connection(userUpn))).status
}

function untilStatus(world: EngineWorld, userUpn: string, wanted: ExtractionStatus): Promise<void> {
  return until(`${userUpn} to be ${wanted}`, async () => (await statusOf(world, userUpn)) === wanted)
}

/** Asks until it is so; a question costs a turn of the event loop, and mostly a round trip. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + GIVE_UP_MS
  while (!(await isSo())) {
    assert.ok(Date.now() < end, `waited in vain for ${what}`)
    await setImmediate()
  }
}
