import type { Batch, BatchSource, BatchWish } from './batch.ts'
import type {
  AppCredentials,
  BatchId,
  Claim,
  ConnectionId,
  Extraction,
  ExtractionError,
  ExtractionId,
} from './extraction.ts'
import type { ExtractionEvent, ExtractionStatus } from './extraction-status.ts'
import type { ExtractionOptions } from './options.ts'

export interface NewExtraction {
  id: ExtractionId
  connectionId: ConnectionId
  userUpn: string
  credentials: AppCredentials
  options: ExtractionOptions
}

export interface NewBatch {
  id: BatchId
  source: BatchSource
  /** Addresses in the caller's order, none twice; empty when a worker lists the directory. */
  userUpns: readonly string[]
  /** Addresses a directory listing leaves out. */
  exclude: readonly string[]
  credentials: AppCredentials
  options: ExtractionOptions
}

/** One stretch of a keyset listing; `next` is null at its end. */
export interface Slice<Item, Cursor> {
  items: Item[]
  next: Cursor | null
}

export interface MemberQuery {
  status?: ExtractionStatus | undefined
  limit: number
  /** Members after this position. */
  after?: number | undefined
}

/** What asking for and looking at extractions needs. Rows are the truth; no method holds work in memory. */
export interface ExtractionStore {
  /**
   * Adds a queued extraction, ahead of batch members that wait.
   * Throws `extraction_active` while the connection has one that has not ended, and `connection_bound`
   * where the connection was first started for another address.
   */
  submit(extraction: NewExtraction): Promise<Extraction>
  /**
   * Adds a run of the same connection, mailbox and app as its latest one, that tries the ledger again and nothing
   * else. Throws `extraction_not_found`, and `extraction_active` while the latest has not ended.
   */
  resubmitForSkipped(connectionId: ConnectionId, id: ExtractionId): Promise<Extraction>
  findLatest(connectionId: ConnectionId): Promise<Extraction | undefined>

  /**
   * Moves an extraction as the table of moves says; throws `move_refused` where it does not, `extraction_active` where
   * the connection has a later one that has not ended, and `extraction_not_found`.
   */
  move(id: ExtractionId, event: ExtractionEvent): Promise<Extraction>

  /** Adds the batch and all members it already has, in one transaction. */
  submitBatch(batch: NewBatch): Promise<void>
  findBatch(id: BatchId): Promise<Batch | undefined>
  /** Remembers the wish and moves every member in one of `from` that `event` moves, unless its connection has a later extraction. */
  moveBatch(id: BatchId, event: ExtractionEvent, wish: BatchWish, from: readonly ExtractionStatus[]): Promise<void>
  listMembers(id: BatchId, query: MemberQuery): Promise<Slice<Extraction, number>>
}

/** An extraction whose turn it is, with what a worker needs to begin. */
export interface ClaimedExtraction {
  claim: Claim
  userUpn: string
  options: ExtractionOptions
  credentials: AppCredentials
}

/** What the engine and its workers need of the same rows. */
export interface ClaimStore {
  /**
   * Takes the next queued extraction: lowest fair tag first, never one whose mailbox another one is copying.
   * Throws `secret_key_changed` never: an extraction whose credentials cannot be read is failed here and passed over.
   */
  claimNext(): Promise<ClaimedExtraction | undefined>
  /**
   * Takes this extraction, for a worker that holds its ticket. One that looks running has lost its worker, or the ticket
   * would not be here: whatever that worker still writes is refused from now on, and its wish to pause or cancel is done.
   * Undefined where there is nothing to run, another extraction has the mailbox, or the extraction went back in the queue
   * since the ticket was issued.
   */
  claim(ticket: Waiting): Promise<ClaimedExtraction | undefined>
  /** The statuses of those claims that still hold. */
  statusesOf(claims: readonly Claim[]): Promise<Map<ExtractionId, ExtractionStatus>>
  /**
   * Ends a claim: the worker stopped, completed or failed, or could not go on and gives the extraction back (`lose`, which
   * fails it with `error` at the tenth time without a page saved in between). Undefined where the claim no longer holds.
   */
  settle(
    claim: Claim,
    event: 'stop' | 'complete' | 'fail' | 'lose',
    error?: ExtractionError,
  ): Promise<ExtractionStatus | undefined>
  /**
   * After a start: no worker can be alive, so whatever looks running lost its worker.
   * One that crashed ten times without saving a page in between is failed with `worker_lost`.
   */
  recoverLost(): Promise<{ recovered: number }>
}

/** An extraction that a worker is to have, and its place in the queue: the lowest fair tag is next. */
export interface Waiting {
  extractionId: ExtractionId
  fairTag: number
}

export interface QueuePosition {
  fairTag: number
  seq: number
}

/** What an engine that hands out tickets needs to see that none is missing. */
export interface QueueStore {
  /** The first that waits for the same mailbox as this extraction, itself included; undefined while somebody copies it. */
  nextOfMailbox(id: ExtractionId): Promise<Waiting | undefined>
  /** Extractions that a worker has, or is thought to have. */
  listRunning(limit: number): Promise<Waiting[]>
  /** Extractions that could run now, the lowest tag first. */
  listQueued(after: QueuePosition | undefined, limit: number): Promise<Slice<Waiting, QueuePosition>>
}

/** A batch whose members a worker still has to list. */
export interface PendingListing {
  batchId: BatchId
  source: Exclude<BatchSource, { kind: 'users' }>
  /** Where the listing goes on; null at its beginning. */
  link: string | null
  credentials: AppCredentials
}

export interface ListingStore {
  /** The oldest batch that has members to list and whose wish is to run. */
  nextListing(): Promise<PendingListing | undefined>
  /**
   * Adds members and remembers how far the listing got, together. Addresses already in the batch or excluded are left out.
   * Does nothing where the listing no longer stands at `from`: another worker listed the same page.
   */
  saveListing(
    batchId: BatchId,
    listed: { from: string | null; userUpns: readonly string[]; next: string | null },
  ): Promise<void>
  /** As `saveListing`, where the listing cannot go on from there. */
  failListing(batchId: BatchId, from: string | null, error: ExtractionError): Promise<void>
}
