import type { Semaphore } from './semaphore.ts'

/** The permits of one message: the first can be asked for before it is known what there is to fetch. Disposing gives it back. */
export class Permits implements Disposable {
  readonly #semaphore: Semaphore
  readonly #signal: AbortSignal
  #first: Promise<() => void> | undefined

  constructor(semaphore: Semaphore, signal: AbortSignal) {
    this.#semaphore = semaphore
    this.#signal = signal
  }

  /** Settles when the next `acquire` would. */
  ask(): Promise<unknown> {
    this.#first ??= this.#semaphore.acquire(this.#signal)
    return this.#first
  }

  acquire(): Promise<() => void> {
    const first = this.#first
    this.#first = undefined
    return first ?? this.#semaphore.acquire(this.#signal)
  }

  [Symbol.dispose](): void {
    this.#first?.then(
      (release) => release(),
      () => {}, // its signal has ended it: there is nothing to give back
    )
  }
}
