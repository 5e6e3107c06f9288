import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, errorAnswer, GraphError, isJson } from './answer.ts'
import type { FileSelect } from './attachment-select.ts'
import { answerBatch } from './batch.ts'
import type { Directory } from './directory.ts'
import {
  errorOf,
  type FaultEffect,
  type FaultSubject,
  type Faults,
  shortened,
  type WireFault,
  wireFaultOf,
} from './faults.ts'
import type { Gates } from './gates.ts'
import { type GraphRequest, kindOf, parseGraphPath, type RouteContext } from './graph-request.ts'
import { route } from './graph-router.ts'
import { findApp } from './login.ts'
import { readPreferences } from './prefer.ts'
import { guidOf } from './random.ts'
import type { Statistics } from './statistics.ts'
import type { Throttle } from './throttle.ts'
import { invalidToken, type Tokens } from './tokens.ts'

export interface GraphServices {
  directory: Directory
  tokens: Tokens
  throttle: Throttle
  faults: Faults
  gates: Gates
  statistics: Statistics
  now: () => number
  latencyMs: number
  latencyPerMessageMs: number
  fileSelect: FileSelect
}

export interface Reply {
  answer: Answer
  wire: WireFault | undefined
  /** To be called directly before the last byte is sent, with the size of the body: from then on the client may ask again. */
  done(bytes: number): void
}

interface Caller {
  appId: string
  origin: string
  acceptsGzip: boolean
  inBatch: boolean
  signal: AbortSignal
}

/** Microsoft Graph v1.0: who asks, how often, and what may go wrong. */
export class Graph {
  private requests = 0

  private readonly services: GraphServices

  constructor(services: GraphServices) {
    this.services = services
  }

  async serve(
    method: string,
    pathAndQuery: string,
    headers: Record<string, string>,
    body: string,
    signal: AbortSignal,
  ): Promise<Reply> {
    const requestId = guidOf(`request ${++this.requests}`)
    const identity = {
      requestId,
      clientRequestId: headers['client-request-id'] ?? requestId,
      date: new Date(this.services.now()),
    }
    let reply: Reply
    try {
      const { appId } = this.services.tokens.read(headers.authorization)
      const request: GraphRequest = { method, pathAndQuery, headers, body, ...parseGraphPath(pathAndQuery) }
      const caller = {
        appId,
        signal,
        origin: `https://${headers.host ?? 'localhost'}`,
        inBatch: false,
        acceptsGzip: /\bgzip\b/.test(headers['accept-encoding'] ?? ''),
      }
      reply = await this.reply(request, caller)
    } catch (error) {
      if (!(error instanceof GraphError)) throw error
      reply = { answer: errorAnswer(error, identity), wire: undefined, done: () => {} }
    }
    Object.assign(reply.answer.headers, {
      'request-id': requestId,
      'client-request-id': identity.clientRequestId,
      'x-ms-ags-diagnostic': DIAGNOSTIC,
      'cache-control': 'private',
      'strict-transport-security': 'max-age=31536000',
      vary: 'Accept-Encoding',
    })
    return reply
  }

  private async reply(request: GraphRequest, caller: Caller): Promise<Reply> {
    const { throttle, statistics, directory } = this.services
    const kind = kindOf(request.segments)
    const user =
      kind === 'users' || kind === 'other' || kind === 'batch'
        ? undefined
        : directory.findUser(request.segments[1] ?? '')
    const mailbox = user && kind !== 'user' ? user.mailbox : undefined
    const subject = {
      method: request.method,
      pathAndQuery: request.pathAndQuery,
      kind,
      users: user ? [user.id, user.upn.toLowerCase()] : [],
      inBatch: caller.inBatch,
    }
    let leave = () => {}
    let answer: Answer
    let wire: WireFault | undefined
    let isWhole = true
    try {
      if (mailbox) leave = throttle.enter(caller.appId, mailbox.objectId)
      const effect = this.services.faults.strike(subject)
      wire = effect && wireFaultOf(effect)
      isWhole = !wire && effect?.truncate === undefined && !effect?.broken_json
      answer = await this.answerWith(effect ?? {}, request, caller, subject)
    } catch (error) {
      if (!(error instanceof GraphError)) {
        leave()
        throw error
      }
      const requestId = guidOf(`request ${this.requests} ${request.pathAndQuery}`)
      answer = errorAnswer(error, {
        requestId,
        clientRequestId: request.headers['client-request-id'] ?? requestId,
        date: new Date(this.services.now()),
      })
      if (error.message === EMPTY) answer.body = undefined
    }
    const isPage = answer.status === 200 && isWhole && (kind === 'messages' || kind === 'delta')
    statistics.record({
      kind,
      status: answer.status,
      mailboxId: user?.id,
      messages: answer.messages ?? 0,
      page: isPage ? request.pathAndQuery : undefined,
      inBatch: caller.inBatch,
    })
    const done = (bytes: number) => {
      leave()
      statistics.sent(kind, bytes)
    }
    return { answer, wire, done }
  }

  private async answerWith(
    effect: FaultEffect,
    request: GraphRequest,
    caller: Caller,
    subject: FaultSubject,
  ): Promise<Answer> {
    const { gates, latencyMs, latencyPerMessageMs, statistics } = this.services
    const isHeldBefore = effect.gate_at !== 'answer' && effect.gate_after === undefined
    if (effect.gate !== undefined && isHeldBefore) await gates.pass(effect.gate, caller.signal)
    if (effect.delay_ms) await pause(effect.delay_ms, caller.signal)
    if (effect.status !== undefined)
      throw effect.empty_body ? new GraphError(effect.status, '', EMPTY, errorOf(effect).headers) : errorOf(effect)
    const whole = await this.answer(effect, request, caller, subject)
    const answer = shortened(whole, effect)
    // Half a document within a batch would spoil all of it.
    if (answer !== whole && caller.inBatch && isJson(whole)) throw new GraphError(504, 'UnknownError', '')
    const { messages = 0, bodies = 0 } = answer
    const wait = latencyMs + latencyPerMessageMs * (bodies + LIGHT_SHARE * (messages - bodies))
    statistics.waited(wait)
    if (wait > 0) await pause(wait, caller.signal)
    if (effect.gate !== undefined && effect.gate_at === 'answer') await gates.pass(effect.gate, caller.signal)
    return answer
  }

  private async answer(
    effect: FaultEffect,
    request: GraphRequest,
    caller: Caller,
    subject: FaultSubject,
  ): Promise<Answer> {
    if (subject.kind === 'batch') {
      if (request.method !== 'POST') throw new GraphError(405, 'BadRequest', 'The method is not allowed for $batch.')
      return answerBatch(request.body, (item) => this.batchItem(item, caller))
    }
    this.demandConsent(caller.appId, subject)
    const { origin, acceptsGzip } = caller
    const context: RouteContext = {
      request,
      prefer: readPreferences(request.headers.prefer),
      origin,
      base: `${origin}/v1.0`,
      shape: pageShapeOf(effect),
      poisons: this.services.faults.poisons(subject),
      acceptsGzip: acceptsGzip && effect.truncate === undefined && !effect.broken_json,
      fileSelect: this.services.fileSelect,
    }
    return route(context, this.services.directory)
  }

  private async batchItem(request: GraphRequest, caller: Caller): Promise<Answer> {
    const { answer, wire, done } = await this.reply(request, { ...caller, acceptsGzip: false, inBatch: true })
    if (wire?.kind === 'hold' && wire.gate !== undefined) await this.services.gates.pass(wire.gate, caller.signal)
    done(0)
    // An item has no connection of its own that could break.
    if (!wire || (wire.kind === 'hold' && wire.gate !== undefined)) return answer
    return errorAnswer(new GraphError(504, 'UnknownError', ''), {
      requestId: '',
      clientRequestId: '',
      date: new Date(this.services.now()),
    })
  }

  private demandConsent(appId: string, { kind }: FaultSubject): void {
    const app = findApp(appId)
    if (!app) throw invalidToken('The application of the token is unknown.')
    if (app.mail) return
    if (kind === 'users' || kind === 'user' || kind === 'groups')
      throw new GraphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.')
    throw new GraphError(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.')
  }
}

// Ids are quick to list, bodies are not (the bench's model of Outlook: 0.15 ms and 1.5 ms a message).
const LIGHT_SHARE = 0.1

/** Marks a refusal without a body. */
const EMPTY = 'empty body'

const DIAGNOSTIC = JSON.stringify({
  ServerInfo: { DataCenter: 'Simulated', Slice: 'E', Ring: '5', ScaleUnit: '001', RoleInstance: 'SIM00000001' },
})

const SHAPES = [
  'empty_page',
  'short_page',
  'same_next_link',
  'malformed_next_link',
  'foreign_next_link',
  'ignore_page_size',
  'extra_removed',
] as const

function pageShapeOf(effect: FaultEffect): RouteContext['shape'] {
  return Object.fromEntries(
    SHAPES.filter((name) => effect[name] !== undefined && effect[name] !== false).map((name) => [name, effect[name]]),
  )
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  // The client has gone: nobody waits for the answer.
  await sleep(milliseconds, undefined, { signal }).catch(() => {})
}
