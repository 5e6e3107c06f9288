import type { Branded, Claim } from '../extractions/extraction.ts'
import type { ExtractionStatus } from '../extractions/extraction-status.ts'
import type { AttachmentsOption, BodyOption } from '../extractions/options.ts'
import type { Checkpoint, Way } from './checkpoint.ts'
import type { Folder, FolderId, KnownFolder, MessageVersion, Usage } from './mailbox.ts'
import type { Message, MessageId, MessagePatch } from './message.ts'
import type { ReceivedRange, RestOfRange } from './received-range.ts'
import type { Spans } from './spans.ts'

/** The store's own key of a mailbox. */
export type MailboxKey = Branded<number, 'MailboxKey'>

/** One walk through a folder, with where it goes on. `done` says that this very run has already finished it. */
export interface Lane {
  folderId: FolderId
  checkpoint: Checkpoint
  /** The form of the body that mail of this folder is kept in: what this run asks for, and what earlier ones did. */
  body: BodyOption
  /** What the run asks for besides the messages themselves. */
  attachments: AttachmentsOption
  mime: boolean
  way: Way
  /** The mail that the folder is to hold in the end: what this run asks for, and what earlier ones brought to an end. */
  received: Spans
  /** Where the walk in progress is of other mail, a fill has to begin: what of it nobody has read so far. */
  gaps: Spans | undefined
  /** The folder is filled by ranges, while the walk only notes which messages there are: see fill-folder.ts. */
  filling: boolean
  /** What Graph counted in the folder when the run began: items of every kind, or messages where a fill counted them. */
  expected: number
  done: boolean
}

/** What a run means to copy. */
export interface LanePlan {
  /** Every folder of the mailbox, as it is now. */
  folders: readonly Folder[]
  /** They were found by asking each of them what lies below it. */
  isWalkedInFull: boolean
  /** Those whose mail the run copies. */
  chosen: readonly FolderId[]
  body: BodyOption
  attachments: AttachmentsOption
  mime: boolean
  /** Mail that was received at other times is left out, unless an earlier run asked for it; null for no such bound. */
  receivedAfter: string | null
  receivedBefore: string | null
}

/** A message with its body in the form that was asked for. */
export interface KeptMessage extends Message {
  bodyText: string | null
}

/** A message that could not be had, for the ledger. */
export interface SkippedMessage {
  id: MessageId
  code: string
  reason: string
}

/** A page, or a part of one, ready to be stored with the checkpoint after it. No id is in it twice. */
export interface PageToSave {
  messages: KeptMessage[]
  patches: MessagePatch[]
  /** Listed by id, and stored already as they are now. */
  unchanged: MessageId[]
  skipped: SkippedMessage[]
  removed: MessageId[]
  /** Of a folder that is being filled: what the walk came by, to be compared in the end. */
  noted?: readonly MessageVersion[]
  /** The range that the page is of, and what is left of it. */
  range?: { number: number; rest: RestOfRange | undefined }
  /** At the end of a walk that noted what it came by: what is stored and was not noted has been looked for one by one. */
  isToldApart?: true
  /** Undefined while more of the same page is to come: the lane stays where it is. */
  next: Checkpoint | undefined
  /** When it was asked for, in milliseconds of the clock: what came to another folder since may be newer than the page. */
  askedAt: number
  usage: Usage
  activeMs: number
}

/** Two folders claim these messages, and the page does not tell which of the two is right: ask for them one by one. */
export class MovedMeanwhileError extends Error {
  override readonly name = 'MovedMeanwhileError'
  readonly ids: ReadonlySet<MessageId>

  constructor(ids: ReadonlySet<MessageId>) {
    super('Messages were found in another folder while the page was on its way')
    this.ids = ids
  }
}

/**
 * Keeps mail. Every method that writes takes the claim and throws ClaimLostError, writing nothing,
 * when that claim no longer holds. A crash between two calls loses nothing that a call returned from.
 */
export interface MessageStore {
  /**
   * Ties the extraction to its mailbox. 'busy' when another extraction is copying that mailbox under
   * another name: this one is then back in the queue, and its turn comes when the other one ends.
   */
  bindMailbox(claim: Claim, mailbox: { objectId: string; userUpn: string }): Promise<MailboxKey | 'busy'>

  /**
   * The folders that the last listing found, recoverable ones left out, and when all of them were last walked in full, in
   * milliseconds of the clock.
   */
  lastFolders(mailbox: MailboxKey): Promise<{ folders: KnownFolder[]; walkedInFullAt: number | undefined }>

  /**
   * Remembers the folders as they are now and opens a lane for each chosen one, going on where an
   * earlier run stopped. Folders that are gone take their mail along: marked as removed, never erased.
   */
  openLanes(claim: Claim, mailbox: MailboxKey, plan: LanePlan): Promise<Lane[]>

  /** Which of these messages are stored. */
  heldMessages(mailbox: MailboxKey, ids: readonly MessageId[]): Promise<Set<MessageId>>

  /** Which of these are not stored in the lane's folder, version and form. */
  staleMessages(mailbox: MailboxKey, lane: Lane, versions: readonly MessageVersion[]): Promise<Set<MessageId>>

  /**
   * Looks at some of the messages that are stored, from `after` on to `last`, which is undefined where none is left; answers
   * those of the folder that a walk which began anew has not come by.
   */
  unwalkedMessages(
    mailbox: MailboxKey,
    folder: FolderId,
    after: MessageId | undefined,
  ): Promise<{ ids: MessageId[]; last: MessageId | undefined }>

  /**
   * How many messages of the folder that were received within the spans are stored and not removed, and how many of the
   * folder are in the ledger.
   */
  countFolder(mailbox: MailboxKey, folder: FolderId, received: Spans): Promise<{ stored: number; skipped: number }>

  /** How many messages of the mailbox are stored and not removed, or in the ledger; recoverable items left out. */
  countMailbox(mailbox: MailboxKey): Promise<number>

  /** Writes down how many messages Graph counts in the mailbox that are in none of the folders it lists. */
  noteUnlisted(claim: Claim, messages: number): Promise<void>

  /**
   * Stores a page, the checkpoint after it and the counters, together or not at all. A page may come
   * twice; no message is kept twice. Answers the status of the extraction, so that the worker hears
   * a wish to pause or cancel at the very moment its work is safe. Throws MovedMeanwhileError, writing nothing, where
   * another folder has been found to hold some of the messages since the page was asked for.
   */
  savePage(claim: Claim, mailbox: MailboxKey, lane: Lane, page: PageToSave): Promise<ExtractionStatus>

  /** Makes the lane one that is being filled, by these ranges; from now on its walk is of all that it is to hold. */
  beginFill(claim: Claim, mailbox: MailboxKey, lane: Lane, ranges: readonly ReceivedRange[]): Promise<Lane>

  /** What is still to be read of a folder that is being filled. */
  openRanges(mailbox: MailboxKey, folder: FolderId): Promise<ReceivedRange[]>

  /** Cuts the older part off a range, so that it can be read at the same time. */
  splitRange(
    claim: Claim,
    mailbox: MailboxKey,
    folder: FolderId,
    newer: ReceivedRange,
    older: ReceivedRange,
  ): Promise<void>

  /**
   * Looks at some of the messages that the walk noted, from `after` on to `last`, which is undefined where none is left;
   * answers those which are neither stored as it saw them nor in the ledger, and how many are stored in the folder, as it saw
   * them or otherwise.
   */
  unfilledMessages(
    mailbox: MailboxKey,
    lane: Lane,
    after: MessageId | undefined,
  ): Promise<{ ids: MessageId[]; stored: number; last: MessageId | undefined }>

  /** Sends a lane that cannot be filled back to the start, to be walked in this way alone. What is stored stays. */
  abandonFill(claim: Claim, mailbox: MailboxKey, lane: Lane, way: Way): Promise<Lane>

  /** Sends a lane back to the start, to be walked in this way from now on. What is stored stays. */
  restartLane(claim: Claim, mailbox: MailboxKey, folder: FolderId, way: Way): Promise<void>

  /** Writes down what Graph counts in a folder whose walk has ended, beside what is stored of it; null where it does not count. */
  proveLane(claim: Claim, mailbox: MailboxKey, folder: FolderId, listedByGraph: number | null): Promise<void>

  /** The ledger of the mailbox, oldest first, after a message id; with the lane that each message belongs to. */
  listSkipped(
    mailbox: MailboxKey,
    after: MessageId | undefined,
    limit: number,
  ): Promise<{ id: MessageId; lane: Lane }[]>

  /** Ends the lane of a folder that is gone; its mail is marked as removed. */
  forgetFolder(claim: Claim, mailbox: MailboxKey, folder: FolderId): Promise<void>

  /** Adds what was used since the last page, and says what the run waits for, if it does. */
  addUsage(claim: Claim, spent: { usage: Usage; activeMs: number; waitingFor: string | undefined }): Promise<void>
}
