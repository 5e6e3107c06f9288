import type { Clock } from '../clock.ts'
import { type Limits, RequestLimiter } from './request-limiter.ts'

const SWEEP_EVERY_MS = 60_000

/**
 * The limiters of this process, so that an extraction that follows another one on the same mailbox goes on
 * with its window. One that has been idle for longer than its window is forgotten.
 */
export class LimiterRegistry {
  readonly #clock: Clock
  readonly #limiters = new Map<string, RequestLimiter>()
  #sweptAt: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sweptAt = clock.now()
  }

  limiter(key: string, limits: Limits): RequestLimiter {
    this.#sweep()
    let limiter = this.#limiters.get(key)
    if (!limiter) {
      limiter = new RequestLimiter(limits, this.#clock)
      this.#limiters.set(key, limiter)
    }
    return limiter
  }

  get size(): number {
    return this.#limiters.size
  }

  #sweep(): void {
    const now = this.#clock.now()
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return
    this.#sweptAt = now
    for (const [key, limiter] of this.#limiters) if (limiter.isIdle()) this.#limiters.delete(key)
  }
}
