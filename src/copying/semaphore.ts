/** Lets at most so many hold a permit at once; those that wait are served in the order they came. */
export class Semaphore {
  #free: number
  readonly #waiting: Array<() => void> = []

  constructor(permits: number) {
    this.#free = permits
  }

  /** Resolves to the function that gives the permit back; rejects with the signal's reason when it is aborted first. */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#free === 0) await this.#turn(signal)
    else this.#free--

    let held = true
    return () => {
      if (!held) return
      held = false
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const serve = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(serve), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(serve)
    })
  }
}
