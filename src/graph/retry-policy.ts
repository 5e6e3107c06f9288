import type { ErrorCode } from '../errors.ts'
import { type Failure, WAIT_WORDS, type Wait, type WaitReason } from './failure.ts'

/** What the client does next. */
export type Step =
  | { do: 'retry'; delayMs: number }
  | { do: 'hand_over'; failure: Extract<Failure, { kind: 'shrink' | 'skip' | 'restart' }> }
  | { do: 'fail'; code: ErrorCode; message: string }

/** How often the request has failed this way by now, and for how long. */
export interface FailedSoFar {
  times: number
  forMs: number
}

/**
 * Whether asking for less can help, or else blaming the thing asked for: `yes` for a page; `last_size` when a page of one
 * item cannot shrink; `item` for a message or what belongs to it; `no` for what a mailbox cannot be read without.
 */
export type Shrinkable = 'yes' | 'last_size' | 'item' | 'no'

interface Rule {
  /** Repetitions in a row before it is given up. */
  retries: number
  floorMs: number
  /** Ceiling of the first wait; it doubles with each, up to `capMs`. */
  baseMs: number
  capMs: number
  /** Repetitions of a page before a smaller one is asked for; absent where size is not the trouble. */
  shrinkAfter?: number
  /** Repetitions of an item before it is suspected itself; absent where it has nothing to do with the trouble. */
  suspectAfter?: number
  /** In place of a count: how long it may go on. */
  ceilingMs?: number
  giveUp?: { code: ErrorCode; message: string } | 'restart'
}

// Full jitter between a floor (Graph's guidance: no immediate retry) and a ceiling that doubles from 1 s to 60 s.
// Twelve waits last some minutes: longer than a restart of a front end, short enough to tell a person today.
const ORDINARY: Rule = { retries: 12, floorMs: 200, baseMs: 1_000, capMs: 60_000 }

// Waits that the server ordered prove that it lives. 200 of them at the usual 10 s to 5 min are hours.
const ORDERED_RETRIES = 200

// Mailbox moves take hours (reported by several backup products); polling within minutes is often enough.
const MOVING: Rule = {
  retries: Number.POSITIVE_INFINITY,
  ceilingMs: 24 * 3_600_000,
  floorMs: 60_000,
  baseMs: 60_000,
  capMs: 300_000,
}

// Before an item is blamed the caller asks for something else, to see whether Graph answers, so few repetitions will do.
const RETRIES_OF_ITEM = 5

// A server error may be the blip of one front end, or one item that cannot be rendered; only a smaller page tells.
const SUSPECT_PAGE: Rule = { ...ORDINARY, shrinkAfter: 2, suspectAfter: RETRIES_OF_ITEM }

const RULES: Record<WaitReason, Rule> = {
  throttled: { ...ORDINARY, retries: ORDERED_RETRIES },
  server_busy: ORDINARY,
  mailbox_moving: MOVING,
  // "Wait for the next window" (Graph docs on 509) without telling its length; Outlook's others last 5 to 10 minutes.
  bandwidth_used_up: { ...MOVING, retries: 36, ceilingMs: 3 * 3_600_000 },
  network: ORDINARY,
  // Graph cuts its own work off after about 30 s: the same page would take as long again.
  timeout: { ...SUSPECT_PAGE, shrinkAfter: 1 },
  server_error: SUSPECT_PAGE,
  broken_answer: SUSPECT_PAGE,
  empty_not_found: { ...ORDINARY, retries: 3, suspectAfter: 3 },
  payload_lost: {
    ...ORDINARY,
    retries: 1,
    suspectAfter: 1,
    giveUp: { code: 'graph_refused', message: 'Graph refused the request as malformed.' },
  },
  bad_link: {
    ...ORDINARY,
    retries: 6,
    giveUp: {
      code: 'graph_refused',
      message:
        'Graph keeps sending a next link that leads to another host or is malformed; it is not followed, since the token ' +
        'belongs to the configured Graph address only. Check that the cloud or Graph address in the settings is right.',
    },
  },
  repeated_link: { ...ORDINARY, retries: 2, giveUp: 'restart' },
}

// Graph at times refuses a token that is good; six tries are what a large backup client needed, three were too few.
const MAX_RENEWALS = 6

/** Decides what follows a failure; pure, so that a test can hold every row of it. */
export function nextStep(failure: Failure, soFar: FailedSoFar, shrinkable: Shrinkable, random: () => number): Step {
  switch (failure.kind) {
    case 'fail':
      return { do: 'fail', code: failure.code, message: failure.message }
    case 'renew':
      return renewStep(soFar, random)
    case 'wait':
      return waitStep(failure, soFar, shrinkable, random)
    default:
      return { do: 'hand_over', failure }
  }
}

function renewStep(soFar: FailedSoFar, random: () => number): Step {
  if (soFar.times > MAX_RENEWALS) {
    const message =
      'Graph does not accept the tokens that the login service issues for this app. ' +
      'Check that login and Graph address belong to the same cloud, and look for a Conditional Access policy on the app.'
    return { do: 'fail', code: 'login_refused', message }
  }
  return { do: 'retry', delayMs: soFar.times === 1 ? 0 : backOffMs(ORDINARY, soFar.times - 1, random) }
}

function waitStep(wait: Wait, soFar: FailedSoFar, shrinkable: Shrinkable, random: () => number): Step {
  const rule = RULES[wait.reason]
  if (soFar.times > retriesBeforeShrink(rule, shrinkable)) return { do: 'hand_over', failure: { kind: 'shrink' } }

  const retries = wait.retryAfterMs === undefined ? rule.retries : Math.max(rule.retries, ORDERED_RETRIES)
  if (soFar.times > retries || soFar.forMs > (rule.ceilingMs ?? Number.POSITIVE_INFINITY)) return giveUp(wait, rule)
  return { do: 'retry', delayMs: wait.retryAfterMs ?? backOffMs(rule, soFar.times, random) }
}

function retriesBeforeShrink({ shrinkAfter, suspectAfter }: Rule, shrinkable: Shrinkable): number {
  const never = Number.POSITIVE_INFINITY
  switch (shrinkable) {
    case 'yes':
      return shrinkAfter ?? never
    case 'last_size':
      return shrinkAfter === undefined ? never : RETRIES_OF_ITEM
    case 'item':
      return suspectAfter ?? never
    case 'no':
      return never
  }
}

function giveUp(wait: Wait, rule: Rule): Step {
  if (rule.giveUp === 'restart') return { do: 'hand_over', failure: { kind: 'restart' } }
  if (rule.giveUp) return { do: 'fail', ...rule.giveUp }
  const message = `Gave up after many tries: ${WAIT_WORDS[wait.reason]}. Continue the extraction once that is over; nothing stored is lost.`
  return { do: 'fail', code: 'graph_unavailable', message }
}

function backOffMs(rule: Rule, times: number, random: () => number): number {
  const ceilingMs = Math.min(rule.capMs, rule.baseMs * 2 ** (times - 1))
  return Math.round(rule.floorMs + random() * (ceilingMs - rule.floorMs))
}
