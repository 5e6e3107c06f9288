import { AppError } from '../errors.ts'

export const EXTRACTION_STATUSES = [
  'queued',
  'in_progress',
  'pausing',
  'paused',
  'cancelling',
  'cancelled',
  'completed',
  'failed',
] as const
export type ExtractionStatus = (typeof EXTRACTION_STATUSES)[number]

/**
 * What can happen to an extraction, and who says so:
 * the engine starts it, a caller asks to pause, continue or cancel, the worker reports that it
 * stopped, completed or failed, and whoever notices that a worker is gone (or is about to go) says lose.
 */
export const EXTRACTION_EVENTS = ['start', 'pause', 'stop', 'continue', 'cancel', 'complete', 'fail', 'lose'] as const
export type ExtractionEvent = (typeof EXTRACTION_EVENTS)[number]

/** Every move an extraction may make. A pair that is not here is refused. */
const MOVES: Record<ExtractionStatus, Partial<Record<ExtractionEvent, ExtractionStatus>>> = {
  queued: { start: 'in_progress', pause: 'paused', cancel: 'cancelled' },
  in_progress: { pause: 'pausing', cancel: 'cancelling', complete: 'completed', fail: 'failed', lose: 'queued' },
  pausing: {
    pause: 'pausing',
    stop: 'paused',
    continue: 'in_progress',
    cancel: 'cancelling',
    complete: 'completed',
    fail: 'failed',
    lose: 'paused',
  },
  paused: { pause: 'paused', continue: 'queued', cancel: 'cancelled' },
  cancelling: { stop: 'cancelled', cancel: 'cancelling', complete: 'cancelled', fail: 'cancelled', lose: 'cancelled' },
  failed: { continue: 'queued' },
  completed: {},
  cancelled: { cancel: 'cancelled' },
}

/** Where a worker holds the extraction and may still write. */
export const RUNNING_STATUSES = ['in_progress', 'pausing', 'cancelling'] as const satisfies ExtractionStatus[]

/** Where an extraction stays until somebody asks for more. */
export const ENDED_STATUSES = ['completed', 'cancelled', 'failed'] as const satisfies ExtractionStatus[]

export function isEnded(status: ExtractionStatus): boolean {
  return (ENDED_STATUSES as readonly ExtractionStatus[]).includes(status)
}

/** The status after `event`, or undefined where the move is refused. */
export function nextStatus(status: ExtractionStatus, event: ExtractionEvent): ExtractionStatus | undefined {
  return MOVES[status][event]
}

/** Every status that `event` moves, with the status it moves it to. */
export function movesOn(event: ExtractionEvent): { from: ExtractionStatus; to: ExtractionStatus }[] {
  return EXTRACTION_STATUSES.flatMap((from) => {
    const to = MOVES[from][event]
    return to === undefined ? [] : [{ from, to }]
  })
}

export function moveRefused(status: ExtractionStatus, event: ExtractionEvent): AppError {
  const sentence =
    event === 'continue' && (status === 'completed' || status === 'cancelled')
      ? 'Cancelled or completed tasks cannot be resumed'
      : `An extraction that is ${status} cannot ${event}`
  return new AppError('move_refused', sentence, { fields: { status } })
}
