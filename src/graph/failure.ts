import type { ErrorCode } from '../errors.ts'

/** What only time cures. */
export type WaitReason =
  | 'throttled'
  | 'server_busy'
  | 'mailbox_moving'
  | 'bandwidth_used_up'
  | 'network'
  | 'timeout'
  | 'server_error'
  | 'broken_answer'
  | 'empty_not_found'
  | 'payload_lost'
  | 'bad_link'
  | 'repeated_link'

export type SkipReason = 'gone' | 'unreadable' | 'untracked' | 'unfiltered'

/** What a refused or broken answer means for the work; every failure of a request is one of these six. */
export type Failure =
  | Wait
  /** The token is not taken: get a new one. */
  | { kind: 'renew' }
  /** The page is too much for Graph, or holds an item that breaks it: ask for less. */
  | { kind: 'shrink' }
  /** The one thing asked for is not there, or cannot be given (a message, the tracking of changes, or a choice by time); the mailbox goes on without it. */
  | { kind: 'skip'; because: SkipReason }
  /** The link is no longer known: begin the walk anew. */
  | { kind: 'restart' }
  /** Nothing but a person cures this; the message tells how. */
  | { kind: 'fail'; code: ErrorCode; message: string }

export interface Wait {
  kind: 'wait'
  reason: WaitReason
  /** As the server asked; undefined where it named no time, or none that makes sense. */
  retryAfterMs?: number | undefined
  /** The connection leads to a front end that cannot serve: take another one. */
  newConnection?: boolean
  /** More requests are in flight on this mailbox than Graph allows, so others use the same app. */
  crowded?: boolean
}

/** Why nothing comes, in words for people that fit after "waiting: ". */
export const WAIT_WORDS: Record<WaitReason, string> = {
  throttled: 'Graph asks the app to slow down on this mailbox',
  server_busy: 'Graph is busy',
  mailbox_moving: 'the mailbox is being moved, or its store is unavailable',
  bandwidth_used_up: 'the bandwidth that Graph grants is used up',
  network: 'Graph cannot be reached',
  timeout: 'Graph does not answer in time',
  server_error: 'Graph answers with an internal error',
  broken_answer: 'Graph sends broken answers',
  empty_not_found: 'Graph answers 404 without saying why',
  payload_lost: 'Graph lost the request',
  bad_link: 'Graph sends a next link that must not be followed',
  repeated_link: 'Graph sends the same next link again and again',
}

/** Tells a caller within `graph` that its request ended in something it has to decide. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure'
  readonly failure: Extract<Failure, { kind: 'shrink' | 'skip' | 'restart' }>

  constructor(failure: Extract<Failure, { kind: 'shrink' | 'skip' | 'restart' }>, cause?: unknown) {
    super(`The request to Graph ended in ${failure.kind}`, { cause })
    this.failure = failure
  }
}

/** An answer that came whole but is not what Graph promises; thrown by readers, repeated by the client. */
export class BrokenAnswerError extends Error {
  override readonly name = 'BrokenAnswerError'
  readonly reason: WaitReason

  constructor(message: string, reason: WaitReason = 'broken_answer') {
    super(message)
    this.reason = reason
  }
}

/** A success without a single byte where some were due. */
export class EmptyAnswerError extends BrokenAnswerError {}

export function isShrink(error: unknown): error is RequestFailure {
  return error instanceof RequestFailure && error.failure.kind === 'shrink'
}

export function isSkip(error: unknown, because: SkipReason): error is RequestFailure {
  return error instanceof RequestFailure && error.failure.kind === 'skip' && error.failure.because === because
}

export function isRestart(error: unknown): boolean {
  return error instanceof RequestFailure && error.failure.kind === 'restart'
}
