/** Runs a piece of work once at a time; requests that come meanwhile are answered by one more run. */
export class Coalesced {
  readonly #work: () => Promise<void>
  #requested = false
  #running: Promise<void> | undefined

  /** @param work must not throw */
  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  request(): void {
    this.#requested = true
    this.#running ??= this.#run()
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#requested) {
      this.#requested = false
      await this.#work()
    }
    this.#running = undefined // in the same turn as the last look at #requested, so that no request falls between
  }
}
