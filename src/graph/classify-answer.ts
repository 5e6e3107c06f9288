import type { Failure, WaitReason } from './failure.ts'
import { type GraphError, parseGraphError } from './graph-error.ts'
import { denied, isMessagePart, notThere, refusal, refusedWith, type Subject } from './refusals.ts'

/** An answer that is no success, as far as the decision needs it. */
export interface RefusedAnswer {
  statusCode: number
  retryAfterMs: number | undefined
  /** WWW-Authenticate, where a 401 or 403 says what is missing. */
  challenge: string | undefined
  /** The beginning of the body. */
  body: string
}

export interface Asked {
  subject: Subject
  /** The request followed a link that Graph gave. */
  continued: boolean
}

/** What a refusal of Graph means: the code decides, the innermost first; an unknown one leaves it to the status. */
export function classifyAnswer(answer: RefusedAnswer, asked: Asked): Failure {
  const error = parseGraphError(answer.body)
  const failure = decide(answer, error, asked)
  if (failure.kind !== 'wait') return failure
  return { ...failure, retryAfterMs: answer.retryAfterMs, ...(answer.statusCode === 503 && { newConnection: true }) }
}

function decide(answer: RefusedAnswer, error: GraphError | undefined, asked: Asked): Failure {
  const { statusCode } = answer
  const isClaimsChallenge = answer.challenge?.includes('insufficient_claims') ?? false
  if (isClaimsChallenge && (statusCode === 401 || statusCode === 403)) return refusal('conditionalAccess')
  if (statusCode === 401) return { kind: 'renew' }
  // Whatever code comes with it (TooManyRequests, ApplicationThrottled, ErrorTooManyObjectsOpened, UnknownError).
  if (statusCode === 429) return throttled(error)

  for (const code of error?.codes ?? []) {
    const failure = byCode(code, answer, error, asked)
    if (failure) return failure
  }
  return byStatus(answer, error, asked)
}

const wait = (reason: WaitReason): Failure => ({ kind: 'wait', reason })

/** Codes that need no more than themselves; lower case. */
const PLAIN_CODES: Record<string, Failure> = {
  toomanyrequests: wait('throttled'),
  errorserverbusy: wait('server_busy'),
  erroradunavailable: wait('server_busy'),
  errorconnectionfailed: wait('server_busy'),
  mailboxinfostale: wait('server_busy'),
  servicenotavailable: wait('server_busy'),
  errortimeoutexpired: wait('timeout'),
  errorinternalservererror: wait('server_error'),
  errorinternalservertransienterror: wait('server_error'),
  errormailboxstoreunavailable: wait('mailbox_moving'),
  errormailboxmoveinprogress: wait('mailbox_moving'),
  invalidauthenticationtoken: { kind: 'renew' },

  errorinvaliduser: refusal('mailboxNotFound'),
  errornonexistentmailbox: refusal('mailboxNotFound'),
  mailboxnotenabledforrestapi: refusal('mailboxUnavailable'),
  mailboxnotsupportedforrestapi: refusal('mailboxUnavailable'),
  mailboxnothostedinexchangeonline: refusal('mailboxUnavailable'),
  resourcenotfound: refusal('mailboxUnavailable'),
}

const UNTRACKED: Failure = { kind: 'skip', because: 'untracked' }

const UNFILTERED: Failure = { kind: 'skip', because: 'unfiltered' }

const RESET_CODES = /^(syncstate|resync)|^directory_expiredpagetoken$/
const UNREADABLE_CODES = new Set([
  'errormimecontentconversionfailed',
  'errorcontentconversionfailed',
  'errorcorruptdata',
  'errorinvalidrecipients',
  'errorcannotopenfileattachment',
])
// These say that something went wrong and not what: the status knows as much.
const VAGUE_CODES = new Set(['unknownerror', 'generalexception', 'internalservererror'])

function byCode(code: string, answer: RefusedAnswer, error: GraphError | undefined, asked: Asked): Failure | undefined {
  const plain = Object.hasOwn(PLAIN_CODES, code) ? PLAIN_CODES[code] : undefined
  if (plain) return plain
  if (RESET_CODES.test(code)) return { kind: 'restart' }
  if (UNREADABLE_CODES.has(code)) return unreadable(answer, error, asked)
  if (VAGUE_CODES.has(code))
    return answer.statusCode < 500 && answer.statusCode !== 408 ? wait('server_error') : undefined

  switch (code) {
    case 'applicationthrottled':
      return throttled(error)
    case 'erroritemnotfound':
    case 'errorsyncfoldernotfound':
    case 'request_resourcenotfound':
      return notThere(asked.subject, refusedWith(asked.subject, answer.statusCode, error?.code))
    case 'erroraccessdenied':
      // The one code stands for a missing permission and for a policy; only the message tells them apart.
      return /\[RAOP\]|OData is disabled/i.test(error?.message ?? '')
        ? refusal('mailboxBlocked')
        : denied(asked.subject)
    case 'errorquotaexceeded':
      // Seen where changes are asked for: a mailbox over its quota can still be listed.
      return asked.subject === 'page' ? UNTRACKED : refusal('overQuota')
    case 'authorization_requestdenied':
      return denied(asked.subject)
    case 'authenticationerror':
      // What the first look into a mailbox has been seen to answer where there is none.
      return asked.subject === 'mailbox' ? refusal('mailboxUnavailable') : undefined
    case 'invalidrequest':
      // Mostly "IO error during request payload read": a hiccup on Graph's side.
      return answer.statusCode === 400 ? wait('payload_lost') : undefined
    default:
      return undefined
  }
}

function throttled(error: GraphError | undefined): Failure {
  // The code is the same for every limit; its name stands in the message only.
  const isCrowded = /MailboxConcurrency/i.test(error?.message ?? '')
  return { kind: 'wait', reason: 'throttled', ...(isCrowded && { crowded: true }) }
}

function unreadable(answer: RefusedAnswer, error: GraphError | undefined, asked: Asked): Failure {
  if (asked.subject === 'page' || asked.subject === 'range') return { kind: 'shrink' }
  if (asked.subject === 'message' || isMessagePart(asked.subject)) return { kind: 'skip', because: 'unreadable' }
  return refusedWith(asked.subject, answer.statusCode, error?.code)
}

function byStatus(answer: RefusedAnswer, error: GraphError | undefined, asked: Asked): Failure {
  const refused = refusedWith(asked.subject, answer.statusCode, error?.code)
  const walksByLink = ['page', 'range', 'group', 'directory'].includes(asked.subject)
  switch (answer.statusCode) {
    case 503:
      return wait('server_busy')
    case 504:
    case 408:
      return wait('timeout')
    case 509:
      return wait('bandwidth_used_up')
    case 501:
      return asked.subject === 'range' ? UNFILTERED : refused
    case 402:
      return refusal('paymentRequired')
    case 403:
      return denied(asked.subject)
    case 404:
      // Without Graph's envelope nobody who knows has said that the thing is gone.
      return error ? notThere(asked.subject, refused) : wait('empty_not_found')
    case 410:
      return walksByLink ? { kind: 'restart' } : refused
    case 400:
      // Nothing of a link is ours, so a bad one ("Badly formed token.") has gone stale.
      if (walksByLink && asked.continued) return { kind: 'restart' }
      // A folder that may not be asked for a stretch of time (InefficientFilter and its like) can still be walked.
      if (asked.subject === 'range') return UNFILTERED
      // All that varies in these requests is what a person gave as an address or id.
      if (asked.subject === 'user' || asked.subject === 'group') return notThere(asked.subject, refused)
      return changeTrackingOr(refused, error)
    default:
      return answer.statusCode >= 500 ? wait('server_error') : refused
  }
}

function changeTrackingOr(refused: Failure, error: GraphError | undefined): Failure {
  // BadRequest stands for everything; clouds and servers without delta say so in the message.
  return /change tracking is not supported|deltatoken/i.test(error?.message ?? '') ? UNTRACKED : refused
}
