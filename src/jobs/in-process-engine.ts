import type { Clock } from '../clock.ts'
import { StoppedError } from '../copying/stopped.ts'
import type { Claim, ExtractionId } from '../extractions/extraction.ts'
import type { ClaimedExtraction, ClaimStore } from '../extractions/extraction-store.ts'
import type { JobEngine } from '../extractions/job-engine.ts'
import { Coalesced } from './coalesced.ts'

/** Wait before looking again when the database could not be asked. */
const RETRY_MS = 2_000

export interface InProcessEngineDependencies {
  claims: ClaimStore
  /** Runs one extraction to its end or to a checkpoint; never throws. */
  run(claimed: ClaimedExtraction, signals: { signal: AbortSignal; closing: AbortSignal }): Promise<void>
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
  readonly #running = new Map<ExtractionId, { claim: Claim; stop: AbortController; ended: Promise<void> }>()
  readonly #looking = new Coalesced(() => this.#look())
  readonly #listing = new Coalesced(() => this.#list())
  #started = false

  constructor(dependencies: InProcessEngineDependencies, concurrency: number) {
    this.#dependencies = dependencies
    this.#concurrency = concurrency
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
    for (const { stop } of this.#running.values()) stop.abort(new StoppedError())
    await this.#looking.idle()
    await this.#listing.idle()
    await Promise.all([...this.#running.values()].map(({ ended }) => ended))
  }

  async #look(): Promise<void> {
    try {
      await this.#hearWishes()
      await this.#fillPlaces()
    } catch (error) {
      this.#dependencies.log.error({ err: error }, 'the queue could not be read')
      if (await this.#rested()) this.#looking.request()
    }
  }

  async #hearWishes(): Promise<void> {
    for (const { claim, stop } of this.#running.values()) {
      const status = await this.#dependencies.claims.statusOf(claim)
      if (status !== 'in_progress') stop.abort(new StoppedError())
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
    const { claim } = claimed
    const stop = new AbortController()
    const signals = { signal: stop.signal, closing: this.#closing.signal }
    const ended = this.#dependencies.run(claimed, signals).finally(() => {
      this.#running.delete(claim.extractionId)
      this.wake()
    })
    this.#running.set(claim.extractionId, { claim, stop, ended })
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
