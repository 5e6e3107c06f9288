import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { ClaimLostError, type ExtractionError } from '../extractions/extraction.ts'
import type { ClaimedExtraction, ClaimStore } from '../extractions/extraction-store.ts'
import { type CopyDependencies, copyMailbox } from './copy-mailbox.ts'
import { StoppedError } from './stopped.ts'

/** Waits between tries to write down how a run ended, while the database refuses (disk full, say). */
const SETTLE_RETRY_MS = [1_000, 2_000, 5_000, 10_000, 30_000]

/** Before a run is given back that met a database which is away: the time that a server takes to start anew. */
const STORE_AWAY_MS = 2_000

interface RunLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface RunDependencies extends CopyDependencies {
  claims: ClaimStore
  log: RunLog
}

/**
 * One turn of one extraction: copy, then say how it ended. Never throws for what a mailbox or the host does.
 * @param signal asks the run to stop at its next checkpoint; the wish itself is in the row
 * @param closing the process is about to end: do not wait for anything any more
 */
export async function runExtraction(
  claimed: ClaimedExtraction,
  dependencies: RunDependencies,
  { signal, closing }: { signal: AbortSignal; closing: AbortSignal },
): Promise<void> {
  const { claim } = claimed
  const { log } = dependencies
  const fields = { extractionId: claim.extractionId, epoch: claim.epoch }
  try {
    log.info(fields, 'extraction started')
    const end = await copyMailbox(claimed, dependencies, signal)
    if (end === 'done') await settle(claimed, dependencies, closing, 'complete')
    log.info({ ...fields, end }, 'extraction ended')
  } catch (error) {
    if (error instanceof ClaimLostError) {
      log.info(fields, 'claim lost')
    } else if (signal.aborted || error instanceof StoppedError) {
      const status = await settle(claimed, dependencies, closing, 'stop')
      log.info({ ...fields, status }, 'extraction stopped')
    } else if (isStoreAway(error)) {
      log.warn({ ...fields, code: error.code }, 'extraction waits for the database')
      await giveBack(claimed, dependencies, closing, error)
    } else {
      await settle(claimed, dependencies, closing, 'fail', logged(error, fields, log))
    }
  }
}

function isStoreAway(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'database_unavailable' && error.isPassing
}

/**
 * What was on its way to the database may or may not have arrived, so nothing of it is repeated: whoever takes the
 * extraction next reads its checkpoint anew. The wait comes first, or it would be taken again at once, and fail again.
 */
async function giveBack(
  claimed: ClaimedExtraction,
  dependencies: RunDependencies,
  closing: AbortSignal,
  { code, message }: AppError,
) {
  if (!(await hasWaited(STORE_AWAY_MS, dependencies.clock, closing))) return
  await settle(claimed, dependencies, closing, 'lose', { code, message })
}

/** False where the process is about to end. */
async function hasWaited(ms: number, clock: Clock, closing: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, closing)
    return true
  } catch {
    return false
  }
}

async function settle(
  { claim }: ClaimedExtraction,
  { claims, clock, log }: RunDependencies,
  closing: AbortSignal,
  event: 'stop' | 'complete' | 'fail' | 'lose',
  failure?: ExtractionError,
) {
  for (let tries = 0; ; tries++) {
    try {
      return await claims.settle(claim, event, failure)
    } catch (error) {
      const code = error instanceof AppError ? error.code : 'internal_error'
      log.error({ extractionId: claim.extractionId, code, tries }, 'end of the extraction not written')
      const wait = SETTLE_RETRY_MS[Math.min(tries, SETTLE_RETRY_MS.length - 1)] ?? 0
      // If not, the next start finds the row as it is and goes on from its last page.
      if (!(await hasWaited(wait, clock, closing))) return undefined
    }
  }
}

/** What we foresaw has words for a person and needs no more; the stack of a bug is for us. */
function logged(error: unknown, fields: object, log: RunLog): ExtractionError {
  if (error instanceof AppError) {
    log.warn({ ...fields, code: error.code }, 'extraction failed')
    return { code: error.code, message: error.message }
  }
  const stack = error instanceof Error ? error.stack : String(error)
  log.error({ ...fields, code: 'internal_error', stack }, 'extraction failed')
  return { code: 'internal_error', message: 'Something unforeseen went wrong; the log of the service has the details' }
}
