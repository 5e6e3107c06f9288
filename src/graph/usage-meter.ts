import type { Usage } from '../copying/mailbox.ts'

/** Counts what is asked of Graph on behalf of one mailbox. */
export class UsageMeter {
  #requests = 0
  #retries = 0

  countRequest(): void {
    this.#requests++
  }

  countRetry(): void {
    this.#retries++
  }

  /** The counts since the last call. */
  take(): Omit<Usage, 'throttledMs'> {
    const usage = { requests: this.#requests, retries: this.#retries }
    this.#requests = 0
    this.#retries = 0
    return usage
  }
}
