import type { Folder } from './folder.ts'
import type { Mailbox } from './mailbox.ts'
import { changeKeyOf, dateTime } from './message-json.ts'

interface TruthFolder {
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

interface TruthMessage {
  type: 'message'
  /** Immutable. */
  id: string
  folder_id: string
  subject: string | null
  change_key: string
  received_date_time: string | null
  is_read: boolean
}

export type TruthLine = TruthFolder | TruthMessage

/** What a perfect copy of the mailbox holds at this moment: every folder, followed by its messages, newest first. */
export function* truthOf(mailbox: Mailbox): Generator<TruthLine> {
  for (const folder of mailbox.folders) {
    if (folder.isDeleted || folder === mailbox.root) continue
    yield folderLine(mailbox, folder)
    if (folder.spec.searchOf === undefined) yield* messageLines(mailbox, folder)
  }
}

function folderLine(mailbox: Mailbox, folder: Folder): TruthFolder {
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

function* messageLines(mailbox: Mailbox, folder: Folder): Generator<TruthMessage> {
  for (const key of folder.messages.keysFrom(0)) {
    const message = mailbox.message(key)
    if (!message) continue
    yield {
      type: 'message',
      id: mailbox.ids.message(key, message.moves, true),
      folder_id: mailbox.ids.folder(folder.number),
      subject: message.subject,
      change_key: changeKeyOf(message),
      received_date_time: dateTime(message.content.receivedAt),
      is_read: message.isRead,
    }
  }
}
