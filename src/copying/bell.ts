/** Lets one wait until another has something for it. A ring while nobody waits is heard by the next wait. */
export class Bell {
  #rung = Promise.withResolvers<void>()

  ring(): void {
    this.#rung.resolve()
  }

  /** Rejects with the signal's reason when that is aborted first. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const aborted = Promise.withResolvers<never>()
    const onAbort = () => aborted.reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.race([this.#rung.promise, aborted.promise])
      this.#rung = Promise.withResolvers<void>()
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
