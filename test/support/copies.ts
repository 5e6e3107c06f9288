import assert from 'node:assert/strict'
import SqliteHandle from 'better-sqlite3'
import type { Simulator } from '../../simulator/simulator.ts'
import type { TempFolder } from './service.ts'

export interface HeldMessage {
  id: string
  folder: string
  subject: string | null
  isRead: boolean
}

/** What a perfect copy holds: every message of every folder that a walk reaches, once. */
export function truth(simulator: Simulator, mailbox: string, { recoverable = false } = {}): Map<string, HeldMessage> {
  const messages = new Map<string, HeldMessage>()
  const reached = new Map<string, string>()
  for (const line of simulator.truth(mailbox)) {
    if (line.type === 'folder') {
      const isRecoverable = line.alias === 'recoverableitemsdeletions'
      if (!line.search && (line.listed || (recoverable && isRecoverable))) reached.set(line.id, line.path)
    } else if (reached.has(line.folder_id)) {
      const subject = line.subject?.toWellFormed() ?? null // half a surrogate pair has no UTF-8; U+FFFD stands for it
      messages.set(line.id, { id: line.id, folder: line.folder_id, subject, isRead: line.is_read })
    }
  }
  return messages
}

/** Reads the database as a user would, beside the service that writes it. */
export function stored(
  folder: TempFolder,
  mailbox: string,
): { live: Map<string, HeldMessage>; rows: number; removed: number } {
  const database = new SqliteHandle(folder.database, { readonly: true })
  try {
    const rows = database
      .prepare(
        `select emails.id, parent_folder_id as folder, subject, is_read as isRead, removed_at as removedAt
         from emails join mailboxes on mailboxes.id = mailbox_id where lower(user_upn) = lower(?)`,
      )
      .all(mailbox) as Array<{
      id: string
      folder: string
      subject: string | null
      isRead: number
      removedAt: string | null
    }>
    const live = rows.filter((row) => row.removedAt === null)
    return {
      live: new Map(live.map(({ id, folder, subject, isRead }) => [id, { id, folder, subject, isRead: isRead === 1 }])),
      rows: rows.length,
      removed: rows.length - live.length,
    }
  } finally {
    database.close()
  }
}

/** The stored mail equals the truth: none missing, none twice, none too many, each in its folder and state. */
export function assertPerfectCopy(simulator: Simulator, folder: TempFolder, mailbox: string): void {
  const { live, rows, removed } = stored(folder, mailbox)
  assert.equal(rows - removed, live.size, 'no id is stored twice')
  assertHolds([...live.values()], truth(simulator, mailbox))
}

/** The same of rows, wherever they were read. */
export function assertHolds(held: readonly HeldMessage[], wanted: ReturnType<typeof truth>): void {
  const live = new Map(held.map((message) => [message.id, message]))
  assert.equal(held.length, live.size, 'no id is stored twice')
  const missing = [...wanted.keys()].filter((id) => !live.has(id))
  const extra = [...live.keys()].filter((id) => !wanted.has(id))
  assert.deepEqual({ missing: missing.length, extra: extra.length }, { missing: 0, extra: 0 })
  for (const [id, message] of wanted) assert.deepEqual(live.get(id), message)
}

/** At every moment, by folder and in sum: listed = stored + unchanged + removed + skipped. Whatever this selects is wrong. */
export const COUNTS_THAT_DIFFER = `
  select 'folder' as what, folder_id as id from lanes where listed <> stored + unchanged + removed + skipped
  union all
  select 'extraction', id from extractions
  where messages_listed <> messages_stored + messages_unchanged + messages_removed + messages_skipped`
