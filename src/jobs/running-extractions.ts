import { StoppedError } from '../copying/stopped.ts'
import type { Claim } from '../extractions/extraction.ts'
import type { ClaimedExtraction, ClaimStore } from '../extractions/extraction-store.ts'

export interface RunningDependencies {
  claims: ClaimStore
  /** Runs one extraction to its end or to a checkpoint; never throws. */
  run(claimed: ClaimedExtraction, signals: { signal: AbortSignal; closing: AbortSignal }): Promise<void>
}

interface Running {
  claim: Claim
  stop: AbortController
  ended: Promise<void>
}

/** The extractions that this process copies at present. */
export class RunningExtractions {
  readonly #dependencies: RunningDependencies
  readonly #closing: AbortSignal
  readonly #running = new Set<Running>()

  constructor(dependencies: RunningDependencies, closing: AbortSignal) {
    this.#dependencies = dependencies
    this.#closing = closing
  }

  get size(): number {
    return this.#running.size
  }

  /** Resolves at the end of the run. `over`: the turn of this worker is over, wherever the run is by then. */
  run(claimed: ClaimedExtraction, over?: AbortSignal): Promise<void> {
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, this.#closing, ...(over ? [over] : [])])
    const ended = this.#dependencies.run(claimed, { signal, closing: this.#closing }).finally(() => {
      this.#running.delete(running)
    })
    const running: Running = { claim: claimed.claim, stop, ended }
    this.#running.add(running)
    return ended
  }

  /** Stops what is to pause or cancel, and what another worker has by now. */
  async hearWishes(): Promise<void> {
    if (this.#running.size === 0) return
    const all = [...this.#running]
    const statuses = await this.#dependencies.claims.statusesOf(all.map(({ claim }) => claim))
    for (const { claim, stop } of all) {
      if (statuses.get(claim.extractionId) !== 'in_progress') stop.abort(new StoppedError())
    }
  }

  async ended(): Promise<void> {
    await Promise.all([...this.#running].map(({ ended }) => ended))
  }
}
