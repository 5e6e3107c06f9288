import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { Failure, WaitReason } from './failure.ts'
import type { GraphAuth } from './graph-auth.ts'
import { type Login, LoginError, type Token } from './login.ts'
import { nextStep, type Step } from './retry-policy.ts'

// Renewed before it ends, as Microsoft advises, and at most a fifth of its life early: a tenant may choose short ones.
const RENEW_EARLY_MS = 300_000

// A batch with a wrong secret fails mailbox by mailbox; the login service is not asked for each of them.
const REFUSAL_HOLDS_MS = 5_000

interface Held {
  token: string
  renewAtMs: number
}

/** The token of one app, fetched once for all who need it. */
export class AccessTokenSource {
  readonly #auth: GraphAuth
  readonly #login: Login
  readonly #clock: Clock
  readonly #random: () => number
  #held: Held | undefined
  #fetching: { promise: Promise<string>; waiting: number; controller: AbortController } | undefined
  #refused: { error: AppError; untilMs: number } | undefined
  #waitingFor: string | undefined

  constructor(auth: GraphAuth, parts: { login: Login; clock: Clock; random: () => number }) {
    this.#auth = auth
    this.#login = parts.login
    this.#clock = parts.clock
    this.#random = parts.random
  }

  /** A token that is good for a while. Throws an AppError when the app cannot log in, or the signal's reason. */
  async get(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted()
    const now = this.#clock.now()
    if (this.#held && now < this.#held.renewAtMs) return this.#held.token
    if (this.#refused && now < this.#refused.untilMs) throw this.#refused.error
    return this.#join(signal)
  }

  /** Graph refused this token: the next one to ask gets a new one. Late news of an older token changes nothing. */
  renew(rejected: string): void {
    if (this.#held?.token === rejected) this.#held = undefined
  }

  /** Why there is no token, while the login service lets us wait. */
  waitingFor(): string | undefined {
    return this.#waitingFor
  }

  async #join(signal: AbortSignal): Promise<string> {
    const fetching = this.#fetching ?? this.#startFetching()
    fetching.waiting++
    const aborted = Promise.withResolvers<never>()
    const onAbort = () => aborted.reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([fetching.promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', onAbort)
      fetching.waiting--
      // Nobody is left who needs it: do not go on trying.
      if (fetching.waiting === 0) fetching.controller.abort()
    }
  }

  #startFetching(): { promise: Promise<string>; waiting: number; controller: AbortController } {
    const controller = new AbortController()
    const promise = this.#fetch(controller.signal).finally(() => {
      if (this.#fetching === fetching) this.#fetching = undefined
      this.#waitingFor = undefined
    })
    const fetching = { promise, waiting: 0, controller }
    controller.signal.addEventListener('abort', () => {
      if (this.#fetching === fetching) this.#fetching = undefined
    })
    promise.catch(() => {}) // those who wait hear of it
    this.#fetching = fetching
    return fetching
  }

  async #fetch(signal: AbortSignal): Promise<string> {
    const startedAt = this.#clock.now()
    for (let times = 1; ; times++) {
      try {
        return this.#hold(await this.#login(this.#auth))
      } catch (error) {
        if (!(error instanceof LoginError)) throw error
        const step = nextStep(error.failure, { times, forMs: this.#clock.now() - startedAt }, 'no', this.#random)
        if (step.do !== 'retry') throw this.#refuse(asAppError(step, error.failure))
        if (error.failure.kind === 'wait') this.#waitingFor = loginWords(error.failure.reason)
        await this.#clock.sleep(step.delayMs, signal)
      }
    }
  }

  #hold({ token, expiresOnTimestamp }: Token): string {
    const now = this.#clock.now()
    const lifeMs = expiresOnTimestamp - now
    this.#held = { token, renewAtMs: expiresOnTimestamp - Math.min(RENEW_EARLY_MS, lifeMs / 5) }
    return token
  }

  #refuse(error: AppError): AppError {
    this.#refused = { error, untilMs: this.#clock.now() + REFUSAL_HOLDS_MS }
    return error
  }
}

function loginWords(reason: WaitReason): string {
  return reason === 'network' || reason === 'timeout'
    ? 'the login service cannot be reached'
    : 'the login service is busy'
}

function asAppError(step: Exclude<Step, { do: 'retry' }>, failure: Failure): AppError {
  if (failure.kind === 'wait') {
    const message = `Gave up after many tries: ${loginWords(failure.reason)}. Continue once that is over; nothing stored is lost.`
    return new AppError('graph_unavailable', message)
  }
  if (step.do === 'fail') return new AppError(step.code, step.message)
  return new AppError('login_refused', 'The login service issued no token.')
}
