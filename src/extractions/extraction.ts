import type { ErrorCode } from '../errors.ts'
import type { ExtractionStatus } from './extraction-status.ts'
import type { ExtractionOptions } from './options.ts'

declare const brand: unique symbol
/** A string that only code which knows what it is may make. */
export type Branded<Base, Name extends string> = Base & { readonly [brand]: Name }

/** One run of a connection. */
export type ExtractionId = Branded<string, 'ExtractionId'>
/** The caller's own name for a mailbox link. */
export type ConnectionId = Branded<string, 'ConnectionId'>
export type BatchId = Branded<string, 'BatchId'>

/** Which Entra app reads the mailbox. What is absent comes from the settings at the time of use. */
export interface AppCredentials {
  tenantId?: string
  clientId?: string
  clientSecret?: string
}

export interface Extraction {
  id: ExtractionId
  connectionId: ConnectionId
  batchId: BatchId | null
  userUpn: string
  status: ExtractionStatus
  options: ExtractionOptions
  createdAt: string
  startedAt: string | null
  completedAt: string | null
  error: ExtractionError | null
  /** Why nothing comes at present, for people: Graph asks for a pause, say. */
  waitingFor: string | null
  progress: Progress
  /** Messages that the provider counts in the mailbox and that are in none of the folders it lists; null where not looked at. */
  messagesUnlisted: number | null
}

export interface ExtractionError {
  code: ErrorCode
  message: string
}

/** Counts of one run; they only grow while it runs, and are committed with the page they count. */
export interface Progress {
  foldersTotal: number
  foldersDone: number
  /** Items that Graph counts in the chosen folders: an estimate, for it also counts what is no mail. */
  messagesTotal: number
  /** Items of `messagesTotal` that this run has walked past; what `percent` is made of. */
  messagesCovered: number
  /** Items accounted for: listed = stored + unchanged + removed + skipped, at every moment. */
  messagesListed: number
  messagesStored: number
  messagesUnchanged: number
  messagesRemoved: number
  messagesSkipped: number
  /** Contents of attachments: total = stored + skipped + still to be fetched, at every moment. */
  attachmentsTotal: number
  attachmentsStored: number
  attachmentsSkipped: number
  bytesStored: number
  requests: number
  retries: number
  throttledMs: number
  /** Time in which a worker was copying; waits of a paused run are not in it. */
  activeMs: number
}

export const NO_PROGRESS: Progress = {
  foldersTotal: 0,
  foldersDone: 0,
  messagesTotal: 0,
  messagesCovered: 0,
  messagesListed: 0,
  messagesStored: 0,
  messagesUnchanged: 0,
  messagesRemoved: 0,
  messagesSkipped: 0,
  attachmentsTotal: 0,
  attachmentsStored: 0,
  attachmentsSkipped: 0,
  bytesStored: 0,
  requests: 0,
  retries: 0,
  throttledMs: 0,
  activeMs: 0,
}

/** A worker's hold on an extraction. Every write of the worker repeats the epoch, so one that lost its hold writes nothing. */
export interface Claim {
  readonly extractionId: ExtractionId
  readonly epoch: number
}

/** Thrown by a store when a claim no longer holds: another worker has the extraction. Stop, write nothing more. */
export class ClaimLostError extends Error {
  override readonly name = 'ClaimLostError'
  constructor(claim: Claim) {
    super(`The claim of epoch ${claim.epoch} on ${claim.extractionId} is lost`)
  }
}
