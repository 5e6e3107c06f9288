import type { Job } from 'pg-boss'
import type { Clock } from '../clock.ts'
import { StoppedError } from '../copying/stopped.ts'
import type { QueuePosition, QueueStore } from '../extractions/extraction-store.ts'
import type { JobEngine } from '../extractions/job-engine.ts'
import { Coalesced } from './coalesced.ts'
import { DIRECTORY_QUEUE, MAILBOX_QUEUE, type PgBossTickets, type Ticket } from './pg-boss-tickets.ts'
import { type RunningDependencies, RunningExtractions } from './running-extractions.ts'

/** The channel on which a process tells the others that rows have changed. */
const WISH_CHANNEL = 'outlookmail_wish'

/** A notification may be lost, with the connection that carries it: so often wishes are looked for without one. */
const WISH_POLL_MS = 1_000

/** How often missing tickets are looked for. They are issued with the rows, so this only heals. */
const SWEEP_MS = 5_000
/** Of a long queue one sweep looks at so many, and the next one at those behind them. */
const SWEEP_LIMIT = 1_000

/** A ticket lives for 24 hours at most: before that the run is given back at a checkpoint, and gets another one. */
const MAX_TURN_MS = 23 * 3_600_000

/** How long a stop waits for a database that does not answer; then the process ends, and its work is found by the others. */
const STOP_MS = 10_000

const WORK = {
  heartbeatRefreshSeconds: 2, // a beat may be lost four times before the worker is thought dead
  pollingIntervalSeconds: 0.5, // while there are no notifications
  notifyPollingIntervalSeconds: 1, // behind them, for a notification is a hint only
  burstWhenReadyExceeds: 1, // with a queue that is not empty, the next is fetched at once
} as const

export interface PgBossEngineDependencies extends RunningDependencies {
  tickets: PgBossTickets
  queue: QueueStore
  /** Lists one page of a batch's members; false when no batch waits for that. */
  listMembers(signal: AbortSignal): Promise<boolean>
  clock: Clock
  log: { error(fields: object, message: string): void }
}

/**
 * One of any number of workers on a Postgres database. What runs next, and that a worker that died is replaced, is decided
 * by pg-boss, which holds a ticket for each extraction that is to run. What is true of an extraction stands in its row:
 * who has the ticket claims it there under a new epoch, so that a ticket too many, or one that comes late, does no harm.
 */
export class PgBossEngine implements JobEngine {
  readonly #dependencies: PgBossEngineDependencies
  readonly #concurrency: number
  readonly #closing = new AbortController()
  readonly #running: RunningExtractions
  readonly #turns = new Set<Promise<void>>()
  readonly #telling = new Coalesced(() => this.#tell())
  readonly #hearing = new Coalesced(() => this.#hear())
  #listener: { close(): Promise<void> } | undefined
  #sweptTo: QueuePosition | undefined
  #loops: Promise<void>[] = []

  constructor(dependencies: PgBossEngineDependencies, concurrency: number) {
    this.#dependencies = dependencies
    this.#concurrency = concurrency
    this.#running = new RunningExtractions(dependencies, this.#closing.signal)
  }

  async start(): Promise<void> {
    const { boss } = this.#dependencies.tickets
    await this.#listen()
    await boss.work<Ticket>(MAILBOX_QUEUE, { ...WORK, localConcurrency: this.#concurrency }, ([ticket]) =>
      this.#turn(ticket, (held) => this.#runTicket(held)),
    )
    await boss.work<object>(DIRECTORY_QUEUE, WORK, ([ticket]) => this.#turn(ticket, (held) => this.#list(held)))
    this.#loops = [
      this.#every(WISH_POLL_MS, async () => this.#hearing.request()),
      this.#every(SWEEP_MS, () => this.#sweep()),
    ]
  }

  wake(): void {
    if (!this.#closing.signal.aborted) this.#telling.request()
  }

  async stop(): Promise<void> {
    const { boss } = this.#dependencies.tickets
    this.#closing.abort(new StoppedError())
    const stopped = Promise.all([
      ...[MAILBOX_QUEUE, DIRECTORY_QUEUE].map((queue) => boss.offWork(queue, { wait: false })),
      ...this.#turns,
      ...this.#loops,
      this.#telling.idle(),
      this.#hearing.idle(),
      this.#listener?.close(),
    ])
    const patience = new AbortController()
    const tooLate = this.#dependencies.clock.sleep(STOP_MS, patience.signal).catch(() => undefined)
    await Promise.race([stopped, tooLate])
    patience.abort()
  }

  /** The database is asked where another one may be away: what was missed is looked for once the connection is back. */
  async #listen(): Promise<void> {
    const hear = () => this.#hearing.request()
    try {
      this.#listener = await this.#dependencies.tickets.boss.getDb().listen?.(WISH_CHANNEL, hear, hear)
    } catch (error) {
      this.#logged(error, 'no notifications; wishes are looked for instead')
    }
  }

  async #turn<Data>(ticket: Job<Data> | undefined, work: (ticket: Job<Data>) => Promise<void>): Promise<void> {
    if (!ticket) return
    this.#closing.signal.throwIfAborted() // fetched while we stop: thrown back, for another worker
    const turn = work(ticket).catch((error: unknown) => {
      this.#logged(error, 'a turn could not be taken, and is taken again')
      throw error
    })
    const ended = turn.catch(() => undefined)
    this.#turns.add(ended)
    try {
      await turn
    } finally {
      this.#turns.delete(ended)
    }
  }

  async #runTicket(ticket: Job<Ticket>): Promise<void> {
    const { claims, queue, tickets } = this.#dependencies
    const { extractionId } = ticket.data
    const claimed = await claims.claim(ticket.data)
    if (claimed)
      await this.#runFor(MAX_TURN_MS, (over) => this.#running.run(claimed, AbortSignal.any([ticket.signal, over])))

    // The ticket goes before the next one comes, for there is one an extraction, and this one may have been given back.
    // NOTE: the whole job, not its id: only so does a worker that was replaced leave the ticket of its successor alone.
    await tickets.boss.complete(MAILBOX_QUEUE, ticket)
    const next = await queue.nextOfMailbox(extractionId)
    if (next) await tickets.issue(undefined, [next])
  }

  async #runFor(ms: number, run: (over: AbortSignal) => Promise<void>): Promise<void> {
    const ended = new AbortController()
    const over = new AbortController()
    this.#dependencies.clock.sleep(ms, ended.signal).then(
      () => over.abort(new StoppedError()),
      () => undefined,
    )
    try {
      await run(over.signal)
    } finally {
      ended.abort()
    }
  }

  async #list(ticket: Job<object>): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, ticket.signal])
    try {
      while (!signal.aborted && (await this.#dependencies.listMembers(signal))) {
        // the next page
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
    signal.throwIfAborted()
  }

  /** Issues again what a crash in the wrong moment may have lost. What has its ticket keeps it. */
  async #sweep(): Promise<void> {
    const { queue, tickets } = this.#dependencies
    const running = await queue.listRunning(SWEEP_LIMIT)
    const queued = await queue.listQueued(this.#sweptTo, SWEEP_LIMIT)
    this.#sweptTo = queued.next ?? undefined
    await tickets.issue(undefined, [...running, ...queued.items])
    await tickets.issueListing()
  }

  async #hear(): Promise<void> {
    try {
      await this.#running.hearWishes()
    } catch (error) {
      this.#logged(error, 'wishes could not be read')
    }
  }

  async #tell(): Promise<void> {
    try {
      await this.#dependencies.tickets.boss.getDb().executeSql('select pg_notify($1, $2)', [WISH_CHANNEL, ''])
    } catch (error) {
      this.#logged(error, 'the other workers were not told')
    }
  }

  async #every(ms: number, work: () => Promise<void>): Promise<void> {
    const { clock } = this.#dependencies
    const { signal } = this.#closing
    while (!signal.aborted) {
      await work().catch((error: unknown) => this.#logged(error, 'the queue could not be read'))
      await clock.sleep(ms, signal).catch(() => undefined)
    }
  }

  /** Of an error of pg all but the message may hold values of rows. */
  #logged(error: unknown, message: string): void {
    if (this.#closing.signal.aborted) return
    this.#dependencies.log.error({ reason: error instanceof Error ? error.message : String(error) }, message)
  }
}
