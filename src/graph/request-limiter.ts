import type { Clock } from '../clock.ts'

export interface Limits {
  inFlight: number
  /** Requests in any window of `windowMs`. */
  quota: number
  windowMs: number
}

// Outlook service limits, per app and mailbox: 4 requests at once, 10,000 in ten minutes. 4 % are left for
// requests that reach Graph in another order or a little later than they were sent.
export const MAILBOX_LIMITS: Limits = { inFlight: 4, quota: 9_600, windowMs: 600_000 }

// Directory limits, per app and tenant: 3,500 resource units in 10 s for the smallest tenants; the dearest
// request made here (transitive members with $select) costs 4, so 800 stay within them.
export const DIRECTORY_LIMITS: Limits = { inFlight: 8, quota: 800, windowMs: 10_000 }

// Requests are counted by slices of the window, so that a busy mailbox costs 600 numbers, not 9,600.
const SLICES = 600

// After Graph has counted more requests than ours, others use the app: come back to the full number slowly.
const LOWER_AT_MOST_EVERY_MS = 1_000
const QUIET_BEFORE_RAISE_MS = 60_000

export const QUOTA_WORDS = 'the requests that Graph allows on this mailbox within ten minutes are used up'

interface Waiter {
  signal: AbortSignal
  start: () => void
  onAbort: () => void
}

/**
 * Lets requests on one mailbox through, first come, first served: never more in flight than allowed, never
 * more than the quota in any window, none before the fence.
 */
export class RequestLimiter {
  readonly #limits: Limits
  readonly #clock: Clock
  readonly #waiters: Waiter[] = []
  readonly #slices: { startMs: number; count: number }[] = []
  #inWindow = 0
  #inFlight = 0
  #allowedInFlight: number
  #allowedChangedAt = Number.NEGATIVE_INFINITY
  #fenceUntil = Number.NEGATIVE_INFINITY
  #fenceReason: string = QUOTA_WORDS
  #alarm: { atMs: number; controller: AbortController } | undefined
  #heldBackSince: number | undefined
  #heldBackMs = 0
  #lastUsedAt: number

  constructor(limits: Limits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#allowedInFlight = limits.inFlight
    this.#lastUsedAt = clock.now()
  }

  /** Resolves when a request may start, with the function to call once it has ended. Rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<() => void> {
    const { promise, resolve, reject } = Promise.withResolvers<() => void>()
    if (signal.aborted) {
      reject(signal.reason)
      return promise
    }
    const waiter: Waiter = {
      signal,
      start: () => resolve(this.#releaseOnce()),
      onAbort: () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        reject(signal.reason)
        this.#letThrough()
      },
    }
    signal.addEventListener('abort', waiter.onAbort, { once: true })
    this.#waiters.push(waiter)
    this.#letThrough()
    return promise
  }

  /** No request starts before `untilMs`. A fence that reaches further stays. */
  fence(untilMs: number, reason: string): void {
    if (untilMs <= this.#fenceUntil) return
    this.#fenceUntil = untilMs
    this.#fenceReason = reason
    this.#letThrough()
  }

  /** Graph counted more requests in flight than it allows although ours fit: make room for the others. */
  makeRoom(): void {
    const now = this.#clock.now()
    if (now - this.#allowedChangedAt < LOWER_AT_MOST_EVERY_MS) return
    this.#allowedInFlight = Math.max(1, this.#allowedInFlight - 1)
    this.#allowedChangedAt = now
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Why requests wait at present, if time alone keeps them. */
  waitingFor(): string | undefined {
    const now = this.#clock.now()
    if (this.#waiters.length === 0 || this.#opensAt(now) <= now) return undefined
    return this.#fenceUntil > now ? this.#fenceReason : QUOTA_WORDS
  }

  /** Milliseconds since the last call in which fence or quota held a request back. */
  takeHeldBackMs(): number {
    this.#account(this.#clock.now())
    const ms = this.#heldBackMs
    this.#heldBackMs = 0
    return ms
  }

  /** Whether forgetting it changes nothing: nobody uses it, and its window and fence are over. */
  isIdle(): boolean {
    const now = this.#clock.now()
    const isUnused = this.#inFlight === 0 && this.#waiters.length === 0
    return isUnused && now >= this.#fenceUntil && now - this.#lastUsedAt > this.#limits.windowMs * 1.1
  }

  #letThrough(): void {
    const now = this.#clock.now()
    this.#raiseAfterQuiet(now)
    while (this.#inFlight < this.#allowedInFlight && this.#opensAt(now) <= now) {
      const waiter = this.#waiters.shift()
      if (!waiter) break
      waiter.signal.removeEventListener('abort', waiter.onAbort)
      this.#inFlight++
      this.#count(now)
      waiter.start()
    }
    this.#account(now)
    this.#setAlarm(now)
  }

  #releaseOnce(): () => void {
    let isReleased = false
    return () => {
      if (isReleased) return
      isReleased = true
      this.#inFlight--
      this.#lastUsedAt = this.#clock.now()
      this.#letThrough()
    }
  }

  #count(now: number): void {
    const sliceMs = this.#limits.windowMs / SLICES
    const startMs = Math.floor(now / sliceMs) * sliceMs
    const last = this.#slices.at(-1)
    if (last?.startMs === startMs) last.count++
    else this.#slices.push({ startMs, count: 1 })
    this.#inWindow++
    this.#lastUsedAt = now
  }

  /** When fence and quota let the next request through; in the past if they do. */
  #opensAt(now: number): number {
    // A slice leaves the window with its last moment, so that the count is never too low.
    const lifeMs = this.#limits.windowMs + this.#limits.windowMs / SLICES
    for (let first = this.#slices[0]; first && first.startMs + lifeMs <= now; first = this.#slices[0]) {
      this.#inWindow -= first.count
      this.#slices.shift()
    }
    const first = this.#slices[0]
    const quotaOpensAt = first && this.#inWindow >= this.#limits.quota ? first.startMs + lifeMs : now
    return Math.max(this.#fenceUntil, quotaOpensAt)
  }

  #raiseAfterQuiet(now: number): void {
    while (this.#allowedInFlight < this.#limits.inFlight && now - this.#allowedChangedAt >= QUIET_BEFORE_RAISE_MS) {
      this.#allowedInFlight++
      this.#allowedChangedAt += QUIET_BEFORE_RAISE_MS
    }
  }

  #account(now: number): void {
    if (this.#heldBackSince !== undefined) this.#heldBackMs += now - this.#heldBackSince
    this.#heldBackSince = this.#waiters.length > 0 && this.#opensAt(now) > now ? now : undefined
  }

  /** One alarm at a time, and none while nobody waits, so that it does not keep the process alive. */
  #setAlarm(now: number): void {
    const atMs = this.#opensAt(now)
    const isNeeded = this.#waiters.length > 0 && atMs > now
    if (isNeeded && this.#alarm?.atMs === atMs) return
    this.#alarm?.controller.abort()
    this.#alarm = undefined
    if (!isNeeded) return

    const alarm = { atMs, controller: new AbortController() }
    this.#alarm = alarm
    this.#clock.sleep(atMs - now, alarm.controller.signal).then(
      () => {
        if (this.#alarm === alarm) this.#alarm = undefined
        this.#letThrough()
      },
      () => {}, // called off
    )
  }
}
