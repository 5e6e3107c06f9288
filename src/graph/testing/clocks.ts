import type { Clock } from '../../clock.ts'

/** Time that stands still until a test moves it on. */
export class VirtualClock implements Clock {
  #now = Date.parse('2026-01-05T09:00:00Z')
  readonly #timers = new Set<{ atMs: number; wake: () => void }>()

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = { atMs: this.#now + ms, wake: resolve }
    this.#timers.add(timer)
    signal?.addEventListener('abort', () => {
      this.#timers.delete(timer)
      reject(signal.reason)
    })
    return promise
  }

  get sleepers(): number {
    return this.#timers.size
  }

  /** Moves on to `ms` from now, waking whoever sleeps until then, in order. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms
    for (;;) {
      await settled()
      const next = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0]
      if (!next || next.atMs > until) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.atMs)
      next.wake()
    }
    this.#now = until
    await settled()
  }
}

/** Time that moves on by itself whenever somebody sleeps; remembers how long. */
export class HastyClock implements Clock {
  readonly slept: number[] = []
  #now = Date.parse('2026-01-05T09:00:00Z')

  now(): number {
    return this.#now
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await settled()
    signal?.throwIfAborted()
    this.slept.push(ms)
    this.#now += ms
  }

  /** Without anybody sleeping. */
  pass(ms: number): void {
    this.#now += ms
  }
}

/** Lets everything run that waits for nothing but its turn. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
