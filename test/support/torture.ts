import assert from 'node:assert/strict'
import type { FolderSpec } from '../../simulator/folder.ts'
import { Random } from '../../simulator/random.ts'
import { ApiError } from '../../src/http/client.ts'
import type { BatchStatusAnswer } from '../../src/http/contract-batch.ts'
import type { PostgresServer } from './postgres.ts'
import { allowRefusal } from './refusals.ts'
import { until } from './wait.ts'
import { type WorkerProcess, Workers } from './workers.ts'
import { lossesOf, startsOf, type WriteLog } from './write-log.ts'

const WORKERS = 3
const MAILBOXES = Array.from({ length: 30 }, (_, index) => `user${index}@example.com`)
const STEPS = 12
/** Each of these may cost ten seconds until a worker that shows no sign of life is replaced. */
const MOST_LOSSES = 2

/** Everything is busy as it is. */
const POLL = { pollMs: 50 }

/** Of the API, while the database is away. */
const AWAY = 503

/** What may happen between two steps, and how often in comparison. */
const EVENTS = {
  kills: 2,
  freezes: 2,
  thaws: 1,
  stops: 2,
  cuts: 2,
  restarts: 1,
  'batch pauses': 2,
  'member pauses': 2,
  'second runs': 2,
  cancels: 1,
} as const
type Event = keyof typeof EVENTS
type Happenings = Record<Event, number>

/** What came of it: runs begun, claims that another worker took over, and how often Graph was asked too much meanwhile. */
type Outcome = Record<'runs' | 'takeovers' | 'requests above the limit', number>

/**
 * One round: a batch of many small mailboxes, several workers, and one misfortune after another. In the end, when all is
 * quiet, every mailbox has to be there in full, and the log of the database has to show that no two workers ever wrote to
 * one mailbox at once.
 */
export async function tortureRound(seed: number, server?: PostgresServer): Promise<Happenings & Outcome> {
  const random = new Random(seed)
  const mailboxes = MAILBOXES.map((name) => ({ name, messages: 0, folders: someFolders(random) }))
  await using workers = await Workers.open({
    ...(server && { server }),
    simulator: { seed: `torture ${seed}`, demo: false, mailboxes },
    env: { MAILBOX_CONCURRENCY: '3' },
  })
  const round = new Round(workers, random)
  try {
    await round.play()
    await workers.assertNothingLost(MAILBOXES)
    return { ...round.happened, ...outcomeOf(workers, await workers.log()) }
  } catch (cause) {
    throw new Error(`after ${round.story.join(', ') || 'nothing'}`, { cause })
  }
}

/** Some pages in each of some folders, so that several lanes are on their way at once. */
function someFolders(random: Random): FolderSpec[] {
  return [
    {
      name: 'Inbox',
      alias: 'inbox',
      count: random.between(8, 24),
      children: [{ name: 'Projects', count: random.between(0, 12) }],
    },
    { name: 'Sent Items', alias: 'sentitems', kind: 'sent', count: random.between(0, 12) },
  ]
}

function outcomeOf({ simulator }: Workers, log: WriteLog): Outcome {
  const runs = startsOf(log).length
  return { runs, takeovers: lossesOf(log).length, 'requests above the limit': simulator.stats().violations }
}

class Round {
  readonly story: string[] = []
  readonly happened = Object.fromEntries(Object.keys(EVENTS).map((name) => [name, 0])) as Happenings
  readonly #workers: Workers
  readonly #random: Random
  /** Ready, and not standing still. */
  readonly #moving: WorkerProcess[] = []
  readonly #frozen: WorkerProcess[] = []
  #starting: Promise<void> = Promise.resolve()
  /** Connections beside the batch, with a mailbox that a member has as well. */
  readonly #seconds: string[] = []
  #batchId = ''

  constructor(workers: Workers, random: Random) {
    this.#workers = workers
    this.#random = random
  }

  async play(): Promise<void> {
    const { simulator, api } = this.#workers
    await Promise.all(Array.from({ length: WORKERS }, () => this.#start()))
    this.#workers.slow({ delayMs: 120, pageSize: 4 })
    this.#batchId = (await api.client.startBatch({ user_upns: MAILBOXES })).batch_id
    for (let step = 0; step < STEPS; step++) {
      await this.#moreRequests(this.#random.between(5, 40))
      await this.#meet(this.#nextEvent())
      if (this.#random.chance(0.5)) await this.#goOn()
    }
    await this.#endFreezes() // while pages are slow, so that who was replaced meets who replaced it
    simulator.faults.clear()
    await this.#finish()
    await this.#starting
    await Promise.all(this.#moving.map((worker) => worker.stop()))
  }

  #nextEvent(): Event {
    const losses = this.happened.kills + this.happened.freezes
    const possible = Object.entries(EVENTS).filter(([event]) => {
      if (event === 'kills' || event === 'freezes') return losses < MOST_LOSSES
      if (event === 'thaws') return this.#frozen.length > 0
      return event !== 'cancels' || this.#seconds.length > 0
    })
    return this.#random.pick(possible.flatMap(([event, weight]) => Array<Event>(weight).fill(event as Event)))
  }

  async #meet(event: Event): Promise<void> {
    this.story.push(event)
    this.happened[event]++
    const { client } = this.#workers.api
    switch (event) {
      case 'kills':
        await this.#workers.kill(await this.#takeWorker())
        return this.#replace()
      case 'freezes': {
        const worker = await this.#takeWorker()
        worker.freeze()
        this.#replace()
        if (this.#random.chance(0.5)) return this.#outlast(worker) // at once: a cut would end its connections
        this.#frozen.push(worker)
        return
      }
      case 'thaws':
        return this.#thaw(this.#frozen.shift())
      case 'stops':
        await (await this.#takeWorker()).stop()
        return this.#replace()
      case 'cuts':
        await this.#starting // one that has just been started may give up
        return this.#workers.cutConnections()
      case 'restarts':
        await this.#starting
        return this.#workers.restartDatabase()
      case 'batch pauses':
        return allowRefusal(client.pauseBatch(this.#batchId), AWAY)
      case 'member pauses': {
        for (let count = this.#random.between(1, 6); count > 0; count--) {
          await allowRefusal(client.pause(this.#member(this.#random.pick(MAILBOXES))), AWAY)
        }
        return
      }
      case 'second runs': {
        const mailbox = this.#random.pick(MAILBOXES)
        const connectionId = `second ${this.#seconds.length + 1}`
        await allowRefusal(client.start(connectionId, { user_upn: mailbox }), AWAY)
        this.#seconds.push(connectionId)
        return
      }
      case 'cancels':
        return allowRefusal(client.cancel(this.#random.pick(this.#seconds)), AWAY, 404)
    }
  }

  async #start(): Promise<void> {
    this.#moving.push(await this.#workers.start())
  }

  /** While the others go on. */
  #replace(): void {
    const started = this.#start()
    started.catch(() => {}) // awaited later
    this.#starting = Promise.all([this.#starting, started]).then(() => undefined)
    this.#starting.catch(() => {})
  }

  /** One to which something is to happen; another one remains. */
  async #takeWorker(): Promise<WorkerProcess> {
    if (this.#moving.length < 2) await this.#starting
    const worker = this.#random.pick(this.#moving)
    this.#moving.splice(this.#moving.indexOf(worker), 1)
    return worker
  }

  #thaw(worker: WorkerProcess | undefined): void {
    if (!worker) return
    worker.thaw()
    this.#moving.push(worker)
  }

  #member(mailbox: string): string {
    return `${this.#batchId}:${mailbox}`
  }

  /** Whatever was paused is to run. */
  async #goOn(): Promise<void> {
    const { client } = this.#workers.api
    await allowRefusal(client.continueBatch(this.#batchId), AWAY)
  }

  /** Lets Graph be asked so many times more, or everything come to rest. */
  async #moreRequests(count: number): Promise<void> {
    const { simulator } = this.#workers
    const wanted = simulator.stats().requests + count
    await until(
      'more requests',
      async () => {
        const status = (await this.#batch())?.status
        const isAtRest = status === 'completed' || status === 'paused'
        return simulator.stats().requests >= wanted || isAtRest || undefined
      },
      POLL,
    )
  }

  /** Undefined while the database is away. */
  async #batch(): Promise<BatchStatusAnswer | undefined> {
    try {
      const batch = await this.#workers.api.client.batchStatus(this.#batchId)
      assert.equal(batch.failed_users, 0, 'no member fails for what happens to workers and database')
      return batch
    } catch (error) {
      if (error instanceof ApiError && error.statusCode === AWAY) return undefined
      throw error
    }
  }

  /** Of those who still stand still, some are first replaced, and some are not. */
  async #endFreezes(): Promise<void> {
    for (const worker of this.#frozen.splice(0)) {
      if (this.#random.chance(0.7)) await this.#outlast(worker)
      else this.#thaw(worker)
    }
  }

  /** Lets a worker stand still until others have taken all that it held, so that it meets them when it goes on. */
  async #outlast(worker: WorkerProcess): Promise<void> {
    await until(
      `${worker.name} to be replaced`,
      async () => (await this.#workers.holds(worker)) === 0 || undefined,
      POLL,
    )
    this.#thaw(worker)
  }

  /** Brings what is under way to its end. */
  async #finish(): Promise<void> {
    const { client } = this.#workers.api
    await until(
      'the batch to complete',
      async () => {
        const batch = await this.#batch()
        if (batch && batch.paused_users > 0) await this.#goOn()
        return batch?.status === 'completed' || undefined
      },
      POLL,
    )
    for (const connectionId of this.#seconds) {
      await until(
        `${connectionId} to end`,
        async () => {
          const { status } = await client.status(connectionId)
          assert.notEqual(status, 'failed')
          return ['completed', 'cancelled', 'not_started'].includes(status) || undefined
        },
        POLL,
      )
    }
  }
}
