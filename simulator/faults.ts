import { type Answer, badRequest, bodyContent, GraphError, isJson, JSON_TYPE } from './answer.ts'
import { mix } from './random.ts'

export type RequestKind =
  | 'token'
  | 'metadata'
  | 'users'
  | 'user'
  | 'groups'
  | 'folders'
  | 'folder'
  | 'folder_delta'
  | 'messages'
  | 'message'
  | 'count'
  | 'delta'
  | 'attachments'
  | 'attachment'
  | 'attachment_content'
  | 'mime'
  | 'batch'
  | 'other'

/** Which requests a rule is for. Everything given must hold; `nth`, `every` and `times` count the requests that fit the rest. */
export interface FaultMatch {
  method?: string
  /** A regular expression over path and query, as they came. */
  path?: string
  kind?: RequestKind
  /** User principal name or object id. */
  user?: string
  /** True: only parts of a batch; false: only requests of their own. */
  in_batch?: boolean
  /** Only this one, counted from 1. */
  nth?: number
  /** Every so many. */
  every?: number
  /** From 0 to 1, drawn from `seed`. */
  probability?: number
  seed?: number
  /** At most so often. */
  times?: number
}

/** How a page is spoilt without being refused. */
export interface PageShape {
  empty_page?: boolean
  short_page?: number
  same_next_link?: boolean
  malformed_next_link?: boolean
  foreign_next_link?: string
  ignore_page_size?: number
  /** So many @removed rows of messages nobody knows, in a delta page. */
  extra_removed?: number
}

/** What happens to the transport. */
export type WireFault =
  | { kind: 'reset' }
  | { kind: 'cut'; after: number; chunked: boolean }
  | { kind: 'hang' }
  /** The first bytes of the body, and then nothing until the gate opens; without a gate never more. */
  | { kind: 'hold'; after: number; gate?: string }

export interface FaultEffect extends PageShape {
  status?: number
  code?: string
  message?: string
  headers?: Record<string, string>
  /** With a status: no body at all. */
  empty_body?: boolean
  reset?: boolean
  /** The connection ends after so many bytes of the body. */
  cut?: number | { after: number; chunked?: boolean }
  /** A whole answer as far as HTTP goes, of which only so many bytes are there; 0 for an empty body. */
  truncate?: number
  /** Half a document, with nothing wrong about its transport. */
  broken_json?: boolean
  /** So many bytes of the body, then nothing more, for ever. */
  stall?: number
  delay_ms?: number
  hang?: boolean
  gate?: string
  /** Hold the answer before it is computed (the default) or when it is ready. */
  gate_at?: 'request' | 'answer'
  /** Hold it in the middle instead: when so many bytes of the body are sent. */
  gate_after?: number
  /** Every page that holds one of these messages (immutable ids) fails with `status`; without `always` only when bodies are asked for. */
  poison?: readonly string[]
  always?: boolean
}

export interface FaultRule {
  match?: FaultMatch
  effect: FaultEffect
}

export interface FaultSubject {
  method: string
  pathAndQuery: string
  kind: RequestKind
  users: readonly string[]
  inBatch: boolean
}

interface ActiveRule extends FaultRule {
  id: number
  path: RegExp | undefined
  seen: number
  hits: number
}

/** Poison is looked at for every page, so it is not spent by matching. */
export interface ActivePoison {
  messages: ReadonlySet<string>
  always: boolean
  error: GraphError
}

export class Faults {
  private rules: ActiveRule[] = []
  private nextId = 1

  add(rule: FaultRule): number {
    check(rule)
    const id = this.nextId++
    const path = rule.match?.path === undefined ? undefined : new RegExp(rule.match.path)
    this.rules.push({ ...rule, id, path, seen: 0, hits: 0 })
    return id
  }

  remove(id: number): void {
    this.rules = this.rules.filter((rule) => rule.id !== id)
  }

  clear(): void {
    this.rules = []
  }

  list(): { id: number; match: FaultMatch; effect: FaultEffect; seen: number; hits: number }[] {
    return this.rules.map(({ id, match = {}, effect, seen, hits }) => ({ id, match, effect, seen, hits }))
  }

  /** The first rule that strikes. Every rule that fits counts the request, whether it strikes or not. */
  strike(subject: FaultSubject): FaultEffect | undefined {
    let struck: FaultEffect | undefined
    for (const rule of this.rules) {
      if (rule.effect.poison || !fits(rule, subject)) continue
      rule.seen++
      if (struck || !isDue(rule)) continue
      rule.hits++
      struck = rule.effect
    }
    return struck
  }

  poisons(subject: FaultSubject): ActivePoison[] {
    return this.rules
      .filter((rule) => rule.effect.poison && fits(rule, subject))
      .map(({ effect }) => ({
        messages: new Set(effect.poison),
        always: effect.always ?? false,
        error: errorOf({ status: 500, ...effect }),
      }))
  }
}

/** The refusal that an effect with a status stands for. */
export function errorOf(effect: FaultEffect): GraphError {
  const status = effect.status ?? 500
  const [code, message] = USUAL[status] ?? ['UnknownError', '']
  return new GraphError(status, effect.code ?? code, effect.message ?? message, lowerCase(effect.headers ?? {}))
}

export function wireFaultOf(effect: FaultEffect): WireFault | undefined {
  if (effect.reset) return { kind: 'reset' }
  if (effect.hang) return { kind: 'hang' }
  if (effect.stall !== undefined) return { kind: 'hold', after: effect.stall }
  if (effect.gate !== undefined && effect.gate_after !== undefined)
    return { kind: 'hold', after: effect.gate_after, gate: effect.gate }
  if (effect.cut === undefined) return undefined
  const cut = typeof effect.cut === 'number' ? { after: effect.cut } : effect.cut
  return { kind: 'cut', after: cut.after, chunked: cut.chunked ?? false }
}

/** What is left of an answer that lacks its end though nothing in its transport says so. */
export function shortened(answer: Answer, { truncate, broken_json }: FaultEffect): Answer {
  if (truncate === undefined && !broken_json) return answer
  const whole = bodyContent(answer)
  const headers = isJson(answer) ? { 'content-type': JSON_TYPE, ...answer.headers } : answer.headers
  return { ...answer, headers, body: whole.first(truncate ?? Math.floor(whole.size / 2)) }
}

const USUAL: Record<number, [code: string, message: string]> = {
  400: ['BadRequest', 'Bad request.'],
  401: ['InvalidAuthenticationToken', 'Access token has expired or is not yet valid.'],
  403: ['ErrorAccessDenied', 'Access is denied. Check credentials and try again.'],
  404: ['ErrorItemNotFound', 'The specified object was not found in the store.'],
  410: ['SyncStateNotFound', 'The sync state generation is not found; generation=605;[highest=841][841][839][840].'],
  429: ['TooManyRequests', 'Please retry again later.'],
  500: ['InternalServerError', 'Error while processing response.'],
  502: ['BadGateway', 'Bad gateway.'],
  503: ['ErrorServerBusy', 'The server is busy. Try again later.'],
  504: ['UnknownError', ''],
  509: ['BandwidthLimitExceeded', 'The bandwidth limit is exceeded.'],
}

function fits({ match, path }: ActiveRule, subject: FaultSubject): boolean {
  if (match?.method !== undefined && match.method.toUpperCase() !== subject.method) return false
  if (match?.kind !== undefined && match.kind !== subject.kind) return false
  if (match?.in_batch !== undefined && match.in_batch !== subject.inBatch) return false
  if (match?.user !== undefined && !subject.users.includes(match.user.toLowerCase())) return false
  return path === undefined || path.test(subject.pathAndQuery)
}

function isDue({ match = {}, id, seen, hits }: ActiveRule): boolean {
  if (match.times !== undefined && hits >= match.times) return false
  if (match.nth !== undefined && seen !== match.nth) return false
  if (match.every !== undefined && seen % match.every !== 0) return false
  return match.probability === undefined || mix(match.seed ?? id, seen) / 0x100000000 < match.probability
}

const MATCH_NAMES = ['method', 'path', 'kind', 'user', 'in_batch', 'nth', 'every', 'probability', 'seed', 'times']
const EFFECT_NAMES = [
  'status',
  'code',
  'message',
  'headers',
  'empty_body',
  'reset',
  'cut',
  'truncate',
  'broken_json',
  'stall',
  'delay_ms',
  'hang',
  'gate',
  'gate_at',
  'gate_after',
  'poison',
  'always',
  'empty_page',
  'short_page',
  'same_next_link',
  'malformed_next_link',
  'foreign_next_link',
  'ignore_page_size',
  'extra_removed',
]

/** A rule with a slip in it would never strike and the test would prove nothing. */
function check(rule: FaultRule): void {
  const unknown = [
    ...Object.keys(rule).filter((name) => name !== 'match' && name !== 'effect'),
    ...Object.keys(rule.match ?? {}).filter((name) => !MATCH_NAMES.includes(name)),
    ...Object.keys(rule.effect ?? {}).filter((name) => !EFFECT_NAMES.includes(name)),
  ]
  if (unknown.length > 0) throw badRequest(`Unknown in a fault rule: ${unknown.join(', ')}`)
  if (rule.effect?.gate_after !== undefined && rule.effect.gate === undefined)
    throw badRequest('gate_after needs a gate.')
  if (!rule.effect || Object.keys(rule.effect).length === 0) throw badRequest('A fault rule needs an effect.')
}

function lowerCase(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
