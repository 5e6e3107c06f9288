/** A share of the budget. */
export interface Share {
  /** Says what it turned out to weigh. */
  weigh(bytes: number): void
  giveBack(): void
}

/**
 * Lets no more than so many bytes be on their way at once, as far as their weight is known beforehand. Those that wait are
 * served in the order they came; one that is too heavy by itself is served when nothing else is on its way.
 */
export class ByteBudget {
  readonly #most: number
  readonly #waiting: { bytes: number; serve: () => void }[] = []
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Rejects with the signal's reason when it is aborted first. */
  async take(bytes: number, signal: AbortSignal): Promise<Share> {
    signal.throwIfAborted()
    if (this.#waiting.length === 0 && this.#fits(bytes)) this.#taken += bytes
    else await this.#turn(bytes, signal)

    let held = bytes
    const change = (to: number) => {
      this.#taken += to - held
      held = to
      this.#serve()
    }
    let isGivenBack = false
    return {
      weigh: (actual) => {
        if (!isGivenBack) change(actual)
      },
      giveBack: () => {
        isGivenBack = true
        change(0)
      },
    }
  }

  #fits(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.#most
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first && this.#fits(first.bytes); first = this.#waiting[0]) {
      this.#waiting.shift()
      this.#taken += first.bytes
      first.serve()
    }
  }

  #turn(bytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        this.#serve() // whoever is behind may be lighter
        reject(signal.reason)
      }
      const waiter = {
        bytes,
        serve: () => {
          signal.removeEventListener('abort', leave)
          resolve()
        },
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(waiter)
    })
  }
}
