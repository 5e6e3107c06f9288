import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqliteWorld } from '../../test/support/engine-worlds.ts'
import { systemClock } from '../clock.ts'
import type { ExtractionId } from '../extractions/extraction.ts'
import type { ExtractionStatus } from '../extractions/extraction-status.ts'
import type { ClaimedExtraction, ClaimStore } from '../extractions/extraction-store.ts'
import { DEFAULT_OPTIONS } from '../extractions/options.ts'
import { InProcessEngine } from './in-process-engine.ts'
import { jobEngineContract } from './job-engine.contract.ts'

jobEngineContract(openSqliteWorld)

/** Rows in memory, and a worker whose every run ends when the test says so or when it is told to stop. */
class World {
  readonly status = new Map<string, ExtractionStatus>()
  readonly running = new Map<string, () => void>()
  readonly stopped: string[] = []
  mostAtOnce = 0
  failures = 0
  readonly engine: InProcessEngine

  constructor(names: string[], concurrency: number) {
    for (const name of names) this.status.set(name, 'queued')
    const claims: ClaimStore = {
      claimNext: async () => this.#claimNext(),
      claim: async () => undefined,
      statusesOf: async (claims) =>
        new Map(claims.map(({ extractionId }) => [extractionId, this.#statusOf(extractionId)])),
      settle: async () => undefined,
      recoverLost: async () => ({ recovered: 0 }),
    }
    this.engine = new InProcessEngine(
      {
        claims,
        run: (claimed, { signal }) => this.#run(claimed, signal),
        listMembers: async () => false,
        clock: { ...systemClock, sleep: async (_ms, signal) => signal?.throwIfAborted() },
        log: { error: () => {} },
      },
      concurrency,
    )
  }

  #statusOf(id: ExtractionId): ExtractionStatus {
    return this.status.get(id) ?? 'completed'
  }

  #claimNext(): ClaimedExtraction | undefined {
    if (this.failures > 0) {
      this.failures--
      throw new Error('the database is away')
    }
    const next = [...this.status].find(([, status]) => status === 'queued')
    if (!next) return undefined
    this.status.set(next[0], 'in_progress')
    const claim = { extractionId: next[0] as ExtractionId, epoch: 1 }
    return { claim, userUpn: next[0], options: DEFAULT_OPTIONS, credentials: {} }
  }

  #run({ claim }: ClaimedExtraction, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.running.delete(claim.extractionId)
        resolve()
      }
      signal.addEventListener('abort', () => {
        this.stopped.push(claim.extractionId)
        end()
      })
      this.running.set(claim.extractionId, end)
      this.mostAtOnce = Math.max(this.mostAtOnce, this.running.size)
    })
  }
}

/** Lets everything that can go on without the test go on. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('as many run at once as allowed, the next begins when one ends, and all get their turn', async () => {
  const world = new World(['a', 'b', 'c', 'd', 'e'], 2)
  await world.engine.start()
  const ended: string[] = []
  while (ended.length < 5) {
    await settled()
    assert.ok(world.running.size <= 2)
    const [name, end] = [...world.running][0] ?? []
    assert.ok(name && end)
    ended.push(name)
    end()
  }
  assert.deepEqual(ended, ['a', 'b', 'c', 'd', 'e'])
  assert.equal(world.mostAtOnce, 2)
})

test('nothing begins before the start, or after the stop', async () => {
  const world = new World(['a'], 2)
  world.engine.wake()
  await settled()
  assert.equal(world.running.size, 0)
  await world.engine.start()
  await settled()
  await world.engine.stop()
  world.status.set('late', 'queued')
  world.engine.wake()
  await settled()
  assert.equal(world.status.get('late'), 'queued')
})

test('a wish reaches the run it is for, and no other', async () => {
  const world = new World(['a', 'b'], 2)
  await world.engine.start()
  await settled()
  world.status.set('b', 'pausing')
  world.engine.wake()
  await settled()
  assert.deepEqual(world.stopped, ['b'])
  await world.engine.stop()
  assert.deepEqual(world.stopped, ['b', 'a'])
})

test('a database that is away for a moment is asked again', async () => {
  const world = new World(['a'], 1)
  world.failures = 3
  await world.engine.start()
  for (let turn = 0; turn < 10; turn++) await settled()
  assert.equal(world.running.size, 1)
  await world.engine.stop()
})
