import type { Folder } from './folder.ts'
import type { Mailbox, StoredMessage } from './mailbox.ts'
import { changeKeyOf, dateTime } from './message-json.ts'

export interface TruthFolder {
  type: 'folder'
  id: string
  path: string
  parent_id: string
  alias: string | null
  hidden: boolean
  /** A search folder shows mail of other folders; its own lines are left out. */
  search: boolean
  /** False for what no listing of Graph shows: containers of other classes, and folders known by alias only. */
  listed: boolean
  /** Messages, as messages/$count tells. */
  total: number
}

export interface TruthMessage {
  type: 'message'
  /** Immutable. */
  id: string
  folder_id: string
  subject: string | null
  change_key: string
  received_date_time: string | null
  is_read: boolean
  /** The name of a message made for tests. */
  odd?: string
}

export type TruthLine = TruthFolder | TruthMessage

/** What a perfect copy of the mailbox holds at this moment: every folder, followed by its messages, newest first. */
export function* truthOf(mailbox: Mailbox): Generator<TruthLine> {
  for (const folder of foldersIn(mailbox)) {
    yield folderLine(mailbox, folder)
    for (const message of messagesIn(mailbox, folder)) yield messageLine(mailbox, message)
  }
}

export function foldersIn(mailbox: Mailbox): Folder[] {
  return mailbox.folders.filter((folder) => !folder.isDeleted && folder !== mailbox.root)
}

/** A search folder shows mail of others, which is not told twice. */
export function* messagesIn(mailbox: Mailbox, folder: Folder): Generator<StoredMessage> {
  if (folder.spec.searchOf !== undefined) return
  for (const key of folder.messages.keysFrom(0)) {
    const message = mailbox.message(key)
    if (message) yield message
  }
}

export function folderLine(mailbox: Mailbox, folder: Folder): TruthFolder {
  return {
    type: 'folder',
    id: mailbox.ids.folder(folder.number),
    path: folder.path,
    parent_id: mailbox.ids.folder((folder.parent ?? folder).number),
    alias: folder.spec.alias ?? null,
    hidden: folder.isHidden,
    search: folder.spec.searchOf !== undefined,
    listed: folder.isListed,
    total: mailbox.messagesOf(folder).length,
  }
}

export function messageLine(mailbox: Mailbox, message: StoredMessage): TruthMessage {
  return {
    type: 'message',
    id: mailbox.ids.message(message.key, message.moves, true),
    folder_id: mailbox.ids.folder(message.folder.number),
    subject: message.subject,
    change_key: changeKeyOf(message),
    received_date_time: dateTime(message.content.receivedAt),
    is_read: message.isRead,
    ...(message.content.odd !== undefined && { odd: message.content.odd }),
  }
}
