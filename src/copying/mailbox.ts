import type { AppCredentials, Branded } from '../extractions/extraction.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { Message, MessageId, MessagePatch } from './message.ts'

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

export interface Page {
  /** Whole messages, as they are now. An id comes once on a page, and may come again on later ones: the last word counts. */
  messages: Message[]
  /** Changes to messages listed before that say all there is to know of the fields they name. */
  patches: MessagePatch[]
  /** Messages that changed in a way the page does not show in full: to be read one by one. */
  incomplete: MessageId[]
  /** Messages that are no longer in this folder: deleted, or moved to another one. */
  removed: MessageId[]
  /** Where to go on once this page is stored. */
  next: Checkpoint
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

  /** Every folder at every depth that can hold mail, hidden ones too; recoverable ones where asked for. */
  listFolders(options: { includeRecoverable: boolean }): Promise<Folder[]>
  /** The folder that a well-known name (`inbox`) stands for, or undefined where the mailbox has none. */
  findWellKnownFolder(name: string): Promise<FolderId | undefined>
  /**
   * The page at a checkpoint. May be asked again for the same one.
   * Throws FolderGoneError; CheckpointExpiredError, also at the start, but only so often for one folder; or an
   * AppError when the mailbox cannot be read on.
   */
  readPage(folder: FolderId, from: Checkpoint): Promise<Page>
  /** One message whole, or undefined when it is gone. Throws `message_unreadable` when Graph cannot give it. */
  readMessage(id: MessageId): Promise<Message | undefined>
  takeUsage(): Usage
  /** Why the mailbox gets no request at present, for people; undefined while it does. */
  waitingFor(): string | undefined
}

export interface MailboxProvider {
  /** Logs in, resolves the address and makes sure that mail can be read. Aborting `signal` ends every wait and request of the mailbox. */
  open(userUpn: string, credentials: AppCredentials, signal: AbortSignal): Promise<Mailbox>
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

/** The provider no longer knows the checkpoint: walk the folder again from the start; nothing is stored twice. */
export class CheckpointExpiredError extends Error {
  override readonly name = 'CheckpointExpiredError'
}
