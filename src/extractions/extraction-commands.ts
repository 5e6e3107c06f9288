import { randomUUID } from 'node:crypto'
import { AppError } from '../errors.ts'
import { foldAddress } from './addresses.ts'
import { type Batch, type BatchSource, batchStatus } from './batch.ts'
import type { AppCredentials, BatchId, ConnectionId, Extraction, ExtractionId } from './extraction.ts'
import type { ExtractionEvent, ExtractionStatus } from './extraction-status.ts'
import { EXTRACTION_STATUSES, moveRefused } from './extraction-status.ts'
import type { ExtractionStore } from './extraction-store.ts'
import type { JobEngine } from './job-engine.ts'
import type { ExtractionOptions } from './options.ts'

export interface StartRequest {
  connectionId: ConnectionId
  userUpn: string
  credentials: AppCredentials
  options: ExtractionOptions
}

export interface StartBatchRequest {
  source: BatchSource
  /** The caller's list; the same address twice, case apart, counts once. */
  userUpns: readonly string[]
  exclude: readonly string[]
  credentials: AppCredentials
  options: ExtractionOptions
}

/** What callers may ask: start, pause, continue and cancel, for one mailbox and for many. */
export class ExtractionCommands {
  readonly #store: ExtractionStore
  readonly #engine: JobEngine

  constructor(store: ExtractionStore, engine: JobEngine) {
    this.#store = store
    this.#engine = engine
  }

  async start(request: StartRequest): Promise<Extraction> {
    const extraction = await this.#store.submit({ ...request, id: randomUUID() as ExtractionId })
    this.#engine.wake()
    return extraction
  }

  /** A run that tries the messages of the ledger again, and nothing else. */
  async retrySkipped(connectionId: ConnectionId): Promise<Extraction> {
    const extraction = await this.#store.resubmitForSkipped(connectionId, randomUUID() as ExtractionId)
    this.#engine.wake()
    return extraction
  }

  pause(connectionId: ConnectionId): Promise<Extraction> {
    return this.#move(connectionId, 'pause')
  }

  continue(connectionId: ConnectionId): Promise<Extraction> {
    return this.#move(connectionId, 'continue')
  }

  cancel(connectionId: ConnectionId): Promise<Extraction> {
    return this.#move(connectionId, 'cancel')
  }

  async get(connectionId: ConnectionId): Promise<Extraction> {
    const extraction = await this.#store.findLatest(connectionId)
    if (!extraction) throw neverStarted(connectionId)
    return extraction
  }

  async #move(connectionId: ConnectionId, event: ExtractionEvent): Promise<Extraction> {
    const { id } = await this.get(connectionId)
    const moved = await this.#store.move(id, event)
    this.#engine.wake()
    return moved
  }

  async startBatch(request: StartBatchRequest): Promise<Batch> {
    const exclude = new Set(request.exclude.map(foldAddress))
    const members = new Map<string, string>()
    for (const userUpn of request.userUpns) {
      const folded = foldAddress(userUpn)
      if (!exclude.has(folded) && !members.has(folded)) members.set(folded, userUpn)
    }
    if (request.source.kind === 'users' && members.size === 0) {
      throw new AppError('invalid_request', 'No users to process', {
        details: ['user_upns: is empty once exclude is applied'],
      })
    }

    const id = `batch_${randomUUID()}` as BatchId
    const { source, credentials, options } = request
    await this.#store.submitBatch({
      id,
      source,
      userUpns: [...members.values()],
      exclude: [...exclude],
      credentials,
      options,
    })
    this.#engine.wake()
    return this.getBatch(id)
  }

  pauseBatch(id: BatchId): Promise<Batch> {
    return this.#moveBatch(id, 'pause', 'pause')
  }

  /** Wakes what is paused; in a batch that failed as a whole, tries the failed members again. */
  continueBatch(id: BatchId): Promise<Batch> {
    return this.#moveBatch(id, 'continue', 'run')
  }

  cancelBatch(id: BatchId): Promise<Batch> {
    return this.#moveBatch(id, 'cancel', 'cancel')
  }

  async getBatch(id: BatchId): Promise<Batch> {
    const batch = await this.#store.findBatch(id)
    if (!batch) throw new AppError('batch_not_found', `There is no batch "${id}"`, { fields: { status: 'not_found' } })
    return batch
  }

  async #moveBatch(id: BatchId, event: 'pause' | 'continue' | 'cancel', wish: Batch['wish']): Promise<Batch> {
    const batch = await this.getBatch(id)
    const status = batchStatus(batch)
    if (!batchMayMove(status, event)) throw moveRefused(status, event)
    // Members that ended keep their end, except where the whole batch failed and is to be tried again.
    const from = EXTRACTION_STATUSES.filter((member) => member !== 'failed' || status === 'failed')
    await this.#store.moveBatch(id, event, wish, from)
    this.#engine.wake()
    return this.getBatch(id)
  }
}

export function neverStarted(connectionId: ConnectionId): AppError {
  return new AppError('extraction_not_found', `No extraction was ever started for connection "${connectionId}"`)
}

/** A batch is moved like one extraction, but continuing one that already runs harms nothing. */
function batchMayMove(status: ExtractionStatus, event: 'pause' | 'continue' | 'cancel'): boolean {
  if (status === 'completed') return false
  if (status === 'cancelled') return event === 'cancel'
  if (status === 'failed') return event === 'continue'
  if (status === 'cancelling') return event === 'cancel'
  return true
}
