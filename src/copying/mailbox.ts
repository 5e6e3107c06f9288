import type { AppCredentials, Branded } from '../extractions/extraction.ts'
import type { Attachment, AttachmentId } from './attachment.ts'
import type { Checkpoint, Way } from './checkpoint.ts'
import type { Message, MessageId, MessagePatch } from './message.ts'
import type { ReceivedRange, RestOfRange } from './received-range.ts'
import type { Spans } from './spans.ts'

export type FolderId = Branded<string, 'FolderId'>

export interface Folder {
  id: FolderId
  parentId: FolderId | null
  displayName: string
  /** Names from the top, joined by `/`; a slash within a name is written `%2F`. */
  path: string
  isHidden: boolean
  /** The folder of soft-deleted items, or one below it. */
  isRecoverable: boolean
  /** Items Graph counts in it, of every kind: an estimate of the messages. */
  totalItemCount: number
}

/** A folder as the last listing left it. */
export type KnownFolder = Pick<Folder, 'id' | 'parentId'>

export interface FolderListing {
  folders: Folder[]
  /** False where not each of them was asked for folders below: a hidden one that is new may then be missing. */
  isWalkedInFull: boolean
}

export interface MessageVersion {
  id: MessageId
  changeKey: string | null
  /** Undefined where the page does not tell: a change may be shown in part. */
  receivedDateTime?: string | null
}

/** What came of asking for one thing: a message, or something that belongs to it. */
export type Reading<Value> =
  | { is: 'had'; value: Value }
  | { is: 'gone' }
  /** The provider cannot give it, though it gives others; `code` is its word for why. */
  | { is: 'unreadable'; code: string; reason: string }

/**
 * Takes bytes as they come, no faster than it asks for them, and all of them. A piece is there until the next one is asked
 * for: its memory is given back then. Called again from the start when a transfer breaks off: the bytes then fail in the
 * middle, and what was made of them is void.
 */
export type Sink<Taken> = (bytes: AsyncIterable<Uint8Array>) => Promise<Taken>

export interface Page {
  /** Whole messages, as they are now. An id comes once on a page, and may come again on later ones: the last word counts. */
  messages: Message[]
  /** Changes to messages listed before that say all there is to know of the fields they name. */
  patches: MessagePatch[]
  /** Messages that changed in a way the page does not show in full: to be read one by one. */
  incomplete: MessageId[]
  /** Of a walk by ids: the messages of the page, with the version that tells whether one has to be read. */
  versions: MessageVersion[]
  /** Messages that are no longer in this folder: deleted, or moved to another one. */
  removed: MessageId[]
  /** Where to go on once this page is stored. */
  next: Checkpoint
  /** What it weighed, unpacked. */
  bytes: number
}

/** A message that was read by itself, with the folder in which it was found; null where the provider does not tell. */
export interface LocatedMessage extends Message {
  folderId: FolderId | null
}

/** A message by its name alone. */
export interface Received {
  id: MessageId
  receivedDateTime: string
}

/** A page of a range, newest first. */
export interface RangePage {
  messages: Message[]
  /** Undefined at the end of the range. What was received in the last second of the page may come once more. */
  rest: RestOfRange | undefined
  /** What it weighed, unpacked. */
  bytes: number
}

/** What was asked of the provider since the last call, for the counters of the run. */
export interface Usage {
  requests: number
  retries: number
  throttledMs: number
}

/** A mailbox being read. One worker reads it at a time; its methods may run at once and share its limits. */
export interface Mailbox {
  /** The user's object id: stays when addresses change. */
  readonly objectId: string
  readonly userUpn: string

  /**
   * Every folder at every depth that can hold mail, hidden ones too; recoverable ones where asked for. Given the folders of
   * the last listing (those that are not recoverable), it may ask less: none of them is missing then unless it is gone.
   */
  listFolders(options: {
    includeRecoverable: boolean
    known: readonly KnownFolder[] | undefined
  }): Promise<FolderListing>
  /** The folder that a well-known name (`inbox`) stands for, or undefined where the mailbox has none. */
  findWellKnownFolder(name: string): Promise<FolderId | undefined>
  /**
   * The page at a checkpoint. May be asked again for the same one.
   * Throws UnreadablePageError and NoChangeTrackingError, where another way may lead on; FolderGoneError;
   * CheckpointExpiredError, also at the start, but only so often for one folder; or an AppError when the mailbox cannot be
   * read on.
   */
  readPage(folder: FolderId, from: Checkpoint, way: Way): Promise<Page>
  /**
   * When the oldest and the newest message of the folder were received; undefined where it has none with a time. Throws as
   * readRange does.
   */
  receivedBounds(folder: FolderId): Promise<{ oldest: string; newest: string } | undefined>
  /**
   * The newest mail of a range. Throws RangesRefusedError, UnreadablePageError, FolderGoneError, or an AppError.
   * @param atMost messages, where fewer are wanted than a page may hold
   */
  readRange(folder: FolderId, range: ReceivedRange, atMost: number | undefined): Promise<RangePage>
  /** Names the newest messages of a range, so many at most; none where the provider cannot even do that. */
  newestIn(folder: FolderId, range: ReceivedRange, limit: number): Promise<Received[]>
  readMessage(id: MessageId): Promise<Reading<LocatedMessage>>
  /** The attachments of a message, in the provider's order, without contents. 'gone' when the message is. */
  listAttachments(message: MessageId): Promise<Reading<Attachment[]>>
  /**
   * Streams the content: the bytes of a file, the MIME of an attached item; of links there is none to ask for. What the
   * sink itself throws is thrown as it is.
   */
  readAttachment<Taken>(message: MessageId, attachment: AttachmentId, sink: Sink<Taken>): Promise<Reading<Taken>>
  /**
   * The contents of a message's files in one answer, held whole: for some attachments that are together no larger than
   * SMALL_TOTAL_BYTES. One that is missing from it may still be had by `readAttachment`.
   */
  readSmallAttachments(message: MessageId): Promise<Reading<Map<AttachmentId, Uint8Array>>>
  /** Streams the message as RFC 822 text. 'unreadable' where the provider cannot convert it. */
  readMime<Taken>(message: MessageId, sink: Sink<Taken>): Promise<Reading<Taken>>
  /**
   * Messages in the folder at this moment that were received within the spans, as the provider counts them; undefined when
   * the folder is gone. Throws RangesRefusedError where it does not count by time.
   */
  countMessages(folder: FolderId, received: Spans): Promise<number | undefined>
  /** Messages in the whole mailbox, whatever folder they are in; those of recoverable items are not among them. */
  countAllMessages(): Promise<number>
}

/** What goes to and fro between a run and the provider, its login included. */
export interface Traffic {
  takeUsage(): Usage
  /** Why nothing is asked at present, for people; undefined while something is. */
  waitingFor(): string | undefined
}

export interface MailboxProvider {
  /**
   * Logs in, resolves the address and makes sure that mail can be read; the traffic counts from the first request on.
   * Aborting `signal` ends every wait and request of the mailbox.
   */
  open(
    userUpn: string,
    credentials: AppCredentials,
    signal: AbortSignal,
  ): { traffic: Traffic; mailbox: Promise<Mailbox> }
}

/** The names of folders that every mailbox knows in every language (Graph `mailFolder`, well-known names). */
export const WELL_KNOWN_FOLDERS = [
  'archive',
  'clutter',
  'conflicts',
  'conversationhistory',
  'deleteditems',
  'drafts',
  'inbox',
  'junkemail',
  'localfailures',
  'outbox',
  'recoverableitemsdeletions',
  'scheduled',
  'sentitems',
  'serverfailures',
  'syncissues',
] as const

/** The folder was deleted while or before it was read. */
export class FolderGoneError extends Error {
  override readonly name = 'FolderGoneError'
}

/** A message breaks the page it is on, however small the page: walk by ids, and read the messages one by one. */
export class UnreadablePageError extends Error {
  override readonly name = 'UnreadablePageError'
}

/** The provider tracks no changes for this mailbox: list its folders instead. */
export class NoChangeTrackingError extends Error {
  override readonly name = 'NoChangeTrackingError'
}

/** The provider does not let this mailbox be asked for ranges of time: walk the folder from end to end. */
export class RangesRefusedError extends Error {
  override readonly name = 'RangesRefusedError'
}

/** The provider no longer knows the checkpoint: walk the folder again from the start; nothing is stored twice. */
export class CheckpointExpiredError extends Error {
  override readonly name = 'CheckpointExpiredError'
}
