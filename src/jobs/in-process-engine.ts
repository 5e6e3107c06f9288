import type { Clock } from '../clock.ts'
import { StoppedError } from '../copying/stopped.ts'
import type { ClaimedExtraction } from '../extractions/extraction-store.ts'
import type { JobEngine } from '../extractions/job-engine.ts'
import { Coalesced } from './coalesced.ts'
import { type RunningDependencies, RunningExtractions } from './running-extractions.ts'

/** Wait before looking again when the database could not be asked. */
const RETRY_MS = 2_000

export interface InProcessEngineDependencies extends RunningDependencies {
  /** Lists one page of a batch's members; false when no batch waits for that. */
  listMembers(signal: AbortSignal): Promise<boolean>
  clock: Clock
  log: { error(fields: object, message: string): void }
}

/**
 * Runs extractions in this process, which is the only one that owns the database. There is no queue beside
 * the rows: it takes the next one from them whenever it has a place free.
 */
export class InProcessEngine implements JobEngine {
  readonly #dependencies: InProcessEngineDependencies
  readonly #concurrency: number
  readonly #closing = new AbortController()
  readonly #running: RunningExtractions
  readonly #looking = new Coalesced(() => this.#look())
  readonly #listing = new Coalesced(() => this.#list())
  #started = false

  constructor(dependencies: InProcessEngineDependencies, concurrency: number) {
    this.#dependencies = dependencies
    this.#concurrency = concurrency
    this.#running = new RunningExtractions(dependencies, this.#closing.signal)
  }

  async start(): Promise<void> {
    this.#started = true
    this.wake()
  }

  wake(): void {
    if (!this.#started || this.#closing.signal.aborted) return
    this.#looking.request()
    this.#listing.request()
  }

  async stop(): Promise<void> {
    this.#closing.abort(new StoppedError())
    await this.#looking.idle()
    await this.#listing.idle()
    await this.#running.ended()
  }

  async #look(): Promise<void> {
    try {
      await this.#running.hearWishes()
      await this.#fillPlaces()
    } catch (error) {
      this.#dependencies.log.error({ err: error }, 'the queue could not be read')
      if (await this.#rested()) this.#looking.request()
    }
  }

  async #fillPlaces(): Promise<void> {
    while (this.#running.size < this.#concurrency && !this.#closing.signal.aborted) {
      const claimed = await this.#dependencies.claims.claimNext()
      if (!claimed) return
      this.#begin(claimed)
    }
  }

  #begin(claimed: ClaimedExtraction): void {
    void this.#running.run(claimed).finally(() => this.wake())
  }

  async #list(): Promise<void> {
    for (let more = true; more && !this.#closing.signal.aborted; ) {
      try {
        more = await this.#dependencies.listMembers(this.#closing.signal)
        if (more) this.#looking.request() // members have come
      } catch (error) {
        if (this.#closing.signal.aborted) return
        this.#dependencies.log.error({ err: error }, 'members of a batch could not be listed')
        more = await this.#rested()
      }
    }
  }

  /** False when the process is about to end. */
  async #rested(): Promise<boolean> {
    try {
      await this.#dependencies.clock.sleep(RETRY_MS, this.#closing.signal)
      return true
    } catch {
      return false
    }
  }
}
