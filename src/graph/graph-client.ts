import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Sink } from '../copying/mailbox.ts'
import { AppError } from '../errors.ts'
import type { AccessTokenSource } from './access-token.ts'
import { classifyAnswer } from './classify-answer.ts'
import { classifyNetworkError } from './classify-network-error.ts'
import type { Connections, RawAnswer } from './connections.ts'
import { BrokenAnswerError, type Failure, RequestFailure, WAIT_WORDS, type Wait } from './failure.ts'
import { parseGraphError } from './graph-error.ts'
import type { GraphUrl } from './graph-url.ts'
import { pour, SinkError } from './pour.ts'
import type { Subject } from './refusals.ts'
import type { RequestLimiter } from './request-limiter.ts'
import { parseRetryAfter } from './retry-after.ts'
import { nextStep, type Shrinkable } from './retry-policy.ts'
import type { UsageMeter } from './usage-meter.ts'

/** What the client logs to; pino fits. Fields only: never an address, a URL, a token or a body. */
export interface GraphLog {
  warn(fields: Record<string, unknown>, message: string): void
  debug(fields: Record<string, unknown>, message: string): void
}

interface Asked {
  /** Absolute, at the configured Graph address. */
  url: string
  subject: Subject
  /** `url` is a link that Graph gave. */
  continued?: boolean
  shrinkable?: Shrinkable
}

export interface GraphRequest<T> extends Asked {
  maxPageSize?: number
  /** Makes what the caller wants of the JSON; throws BrokenAnswerError for what is not as promised. */
  read: (json: unknown) => T
}

export interface Answer<T> {
  value: T
  /** Of the JSON. */
  bytes: number
  elapsedMs: number
}

/** What an attempt came to; what follows a failure is up to the policy. */
type Outcome<Value> = { value: Value } | { failure: Failure; cause: unknown; release: () => void }

export interface GraphClientParts {
  graphUrl: GraphUrl
  connections: Connections
  token: AccessTokenSource
  limiter: RequestLimiter
  meter: UsageMeter
  clock: Clock
  random: () => number
  log: GraphLog
  /** Ends every wait and request of this client. */
  signal: AbortSignal
}

// A stable name: tenants that list the agents they let in have to know it.
const USER_AGENT = 'outlookmail/0.1'

// Plain numbers (`$count`) come with one.
const BYTE_ORDER_MARK = '\uFEFF'

// Reasons that hold for the whole mailbox: nothing is sent to it until they are over.
const STOPS_MAILBOX = new Set<Wait['reason']>(['throttled', 'server_busy', 'mailbox_moving', 'bandwidth_used_up'])

/** Reads from Graph for one mailbox (or the directory): with token and limits, repeating what time can cure. */
export class GraphClient {
  readonly #parts: GraphClientParts
  /** Requests that wait to be repeated, each with its reason. */
  readonly #backingOff = new Map<object, string>()

  constructor(parts: GraphClientParts) {
    this.#parts = parts
  }

  /** Throws an AppError, a RequestFailure (shrink, skip, restart) or the signal's reason. Hands nothing out before it is whole. */
  get<T>(request: GraphRequest<T>): Promise<Answer<T>> {
    return this.#repeat(request, () => this.#attempt((bearer, release) => this.#readWhole(request, bearer, release)))
  }

  /**
   * Streams the bytes of an answer into the sink, anew for each try, and throws as `get` does. What the sink throws is
   * thrown as it is and not repeated. An answer without a single byte is a broken one.
   */
  async stream<Taken>(request: Asked, sink: Sink<Taken>): Promise<Taken> {
    try {
      // Graph counts a request as in flight while its body is sent: until then the slot is held, however slow the sink is.
      return await this.#repeat(request, () =>
        this.#attempt((bearer, release) => this.#pour(request, bearer, sink, release)),
      )
    } catch (error) {
      throw error instanceof SinkError ? error.cause : error
    }
  }

  /** Why nothing is sent at present; undefined while something is. */
  waitingFor(): string | undefined {
    const { limiter, token } = this.#parts
    const byLimiter = limiter.waitingFor()
    if (byLimiter) return byLimiter
    const [backingOff] = this.#backingOff.values()
    return token.waitingFor() ?? (limiter.inFlight === 0 ? backingOff : undefined)
  }

  /** The fence stands before the slot is given back, so that no other request slips through in between. */
  async #waitBeforeRetry(failure: Failure, delayMs: number, release: () => void): Promise<void> {
    const { clock, limiter, signal } = this.#parts
    if (failure.kind === 'wait' && failure.crowded) limiter.makeRoom()
    if (failure.kind === 'wait' && STOPS_MAILBOX.has(failure.reason)) {
      limiter.fence(clock.now() + delayMs, WAIT_WORDS[failure.reason])
      release()
      return
    }
    release()
    const me = {}
    this.#backingOff.set(me, failure.kind === 'wait' ? WAIT_WORDS[failure.reason] : 'a new token is fetched')
    try {
      await clock.sleep(delayMs, signal)
    } finally {
      this.#backingOff.delete(me)
    }
  }

  /** Until an attempt succeeds, or the policy sees no sense in another one. */
  async #repeat<Value>(request: Asked, attempt: () => Promise<Outcome<Value>>): Promise<Value> {
    this.#refuseForeign(request.url)
    const { clock, meter, random } = this.#parts
    const failed = new Map<string, { times: number; sinceMs: number }>()

    for (let attempts = 1; ; attempts++) {
      const outcome = await attempt()
      if ('value' in outcome) return outcome.value

      const { failure } = outcome
      const key = failure.kind === 'wait' ? failure.reason : failure.kind
      const soFar = failed.get(key) ?? { times: 0, sinceMs: clock.now() }
      soFar.times++
      failed.set(key, soFar)
      const forMs = clock.now() - soFar.sinceMs
      const step = nextStep(failure, { times: soFar.times, forMs }, request.shrinkable ?? 'no', random)

      if (step.do !== 'retry') outcome.release()
      if (step.do === 'fail') throw new AppError(step.code, step.message, { cause: outcome.cause })
      if (step.do === 'hand_over') throw new RequestFailure(step.failure, outcome.cause)
      meter.countRetry()
      this.#logRetry(failure, attempts, step.delayMs, outcome.cause)
      await this.#waitBeforeRetry(failure, step.delayMs, outcome.release)
    }
  }

  /** One exchange with Graph, in a slot and with a token. `exchange` may give the slot back before it ends. */
  async #attempt<Value>(exchange: (bearer: string, release: () => void) => Promise<Value>): Promise<Outcome<Value>> {
    const { limiter, meter, signal, token } = this.#parts
    const release = await limiter.acquire(signal)
    let isHandedOn = false
    try {
      const bearer = await token.get(signal)
      meter.countRequest()
      return { value: await exchange(bearer, release) }
    } catch (error) {
      signal.throwIfAborted()
      const failure = failureOf(error)
      if (!failure) throw error
      isHandedOn = true
      return { failure, cause: error, release }
    } finally {
      if (!isHandedOn) release()
    }
  }

  async #readWhole<T>(request: GraphRequest<T>, bearer: string, release: () => void): Promise<Answer<T>> {
    const { clock, connections, signal } = this.#parts
    const startedAt = clock.now()
    const raw = await connections.get(request.url, this.#headers(bearer, request.maxPageSize), signal)
    const elapsedMs = clock.now() - startedAt
    if (raw.statusCode !== 200) throw await this.#refused(raw, request, bearer)
    // The slot is for talking to Graph; unpacking and parsing go on without it.
    release()
    const text = await connections.decode(raw)
    return { value: request.read(parse(text)), bytes: text.length, elapsedMs }
  }

  async #pour<Taken>(request: Asked, bearer: string, sink: Sink<Taken>, release: () => void): Promise<Taken> {
    const { connections, signal } = this.#parts
    const coding = codingFor(request.subject)
    const headers = { ...this.#headers(bearer, undefined), accept: '*/*', 'accept-encoding': coding }
    const answer = await connections.stream(request.url, headers, signal, (body) => pour(body, sink, release))
    if ('refused' in answer) throw await this.#refused(answer.refused, request, bearer)
    return answer.taken
  }

  #headers(bearer: string, maxPageSize: number | undefined): Record<string, string> {
    return {
      authorization: `Bearer ${bearer}`,
      accept: 'application/json, text/plain',
      'accept-encoding': 'gzip',
      // Links repeat the options of a request but none of its headers: every request states them anew.
      prefer: `IdType="ImmutableId"${maxPageSize === undefined ? '' : `, odata.maxpagesize=${maxPageSize}`}`,
      'user-agent': USER_AGENT,
      'client-request-id': randomUUID(),
    }
  }

  /** What a refusal means; token and connection that are no good are left behind at once. */
  async #refused(raw: RawAnswer, request: Asked, bearer: string): Promise<RefusedError> {
    const { clock, connections, token } = this.#parts
    const body = await connections.decode(raw).catch(() => '') // the status alone will have to do
    const sentAtMs = Date.parse(one(raw.headers.date) ?? '') || clock.now()
    const answer = {
      statusCode: raw.statusCode,
      retryAfterMs: parseRetryAfter(one(raw.headers['retry-after']), sentAtMs),
      challenge: one(raw.headers['www-authenticate']),
      body,
    }
    // Graph answers a read with 200 or an error; another success has lost its body on the way.
    const failure: Failure =
      raw.statusCode < 300
        ? { kind: 'wait', reason: 'broken_answer' }
        : classifyAnswer(answer, { subject: request.subject, continued: request.continued ?? false })
    if (failure.kind === 'renew') token.renew(bearer)
    if (failure.kind === 'wait' && failure.newConnection) connections.leave(raw.generation)
    return new RefusedError(raw.statusCode, parseGraphError(body)?.code, one(raw.headers['request-id']), failure)
  }

  #refuseForeign(url: string): void {
    if (this.#parts.graphUrl.owns(url)) return
    throw new AppError('graph_refused', 'A request to another address than the configured Graph address was not sent.')
  }

  #logRetry(failure: Failure, attempt: number, delayMs: number, cause: unknown): void {
    const reason = failure.kind === 'wait' ? failure.reason : failure.kind
    const said =
      cause instanceof RefusedError ? cause.fields : { error: cause instanceof Error ? cause.name : undefined }
    this.#parts.log.warn({ reason, attempt, delayMs, ...said }, 'request to Graph is repeated')
  }
}

/** A refusal as the cause of what is thrown for it: what Microsoft's support asks for, and nothing of the mailbox. */
class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly fields: { statusCode: number; code: string | undefined; requestId: string | undefined }
  readonly failure: Failure

  constructor(statusCode: number, code: string | undefined, requestId: string | undefined, failure: Failure) {
    super(`Graph answered ${statusCode} ${code ?? ''}`.trimEnd())
    this.fields = { statusCode, code, requestId }
    this.failure = failure
  }
}

/** Graph's own word for what it refused with, where it gave one that is a word. */
export function graphCodeOf({ cause }: RequestFailure): string | undefined {
  const code = cause instanceof RefusedError ? cause.fields.code : undefined
  return code && /^[\w.]{1,80}$/.test(code) ? code : undefined
}

/** The status that Graph refused with. */
export function statusCodeOf({ cause }: RequestFailure): number | undefined {
  return cause instanceof RefusedError ? cause.fields.statusCode : undefined
}

/**
 * Most attachments are compressed already (pictures, PDF, documents of Office): to pack them once more costs both ends time
 * for nothing. MIME is text.
 */
function codingFor(subject: Subject): 'identity' | 'gzip' {
  return subject === 'attachment' ? 'identity' : 'gzip'
}

function failureOf(error: unknown): Failure | undefined {
  if (error instanceof RefusedError) return error.failure
  if (error instanceof SinkError) return undefined
  if (error instanceof BrokenAnswerError) return { kind: 'wait', reason: error.reason }
  return classifyNetworkError(error)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text)
  } catch (cause) {
    // The cause quotes the text, which is mail: it must not travel on.
    throw new BrokenAnswerError(cause instanceof SyntaxError ? 'An answer is no JSON' : 'An answer cannot be parsed')
  }
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
