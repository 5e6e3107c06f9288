import assert from 'node:assert/strict'
import type { Simulator } from '../../simulator/simulator.ts'
import type { Place } from './service.ts'

interface HeldMessage {
  id: string
  folder: string
  subject: string | null
  isRead: boolean
}

interface Asked {
  recoverable?: boolean
  /** Whether mail that was received then is wanted; all of it without. */
  isWanted?: (receivedDateTime: string | null) => boolean
}

/** What a perfect copy holds: every message that is wanted of every folder that a walk reaches, once. */
export function truth(
  simulator: Simulator,
  mailbox: string,
  { recoverable = false, isWanted = () => true }: Asked = {},
): Map<string, HeldMessage> {
  const messages = new Map<string, HeldMessage>()
  const reached = new Map<string, string>()
  for (const line of simulator.truth(mailbox)) {
    if (line.type === 'folder') {
      const isRecoverable = line.alias === 'recoverableitemsdeletions'
      if (!line.search && (line.listed || (recoverable && isRecoverable))) reached.set(line.id, line.path)
    } else if (reached.has(line.folder_id) && isWanted(line.received_date_time)) {
      messages.set(line.id, { id: line.id, folder: line.folder_id, subject: line.subject, isRead: line.is_read })
    }
  }
  return messages
}

/** Reads the database as a user would, beside the service that writes it. */
export async function stored(
  place: Place,
  mailbox: string,
): Promise<{ live: Map<string, HeldMessage>; rows: number; removed: number }> {
  const rows = await place.query<
    Omit<HeldMessage, 'isRead'> & { is_read: number | boolean; is_removed: number | boolean }
  >(
    `select emails.id, parent_folder_id as folder, subject, is_read, removed_at is not null as is_removed
     from emails join mailboxes on mailboxes.id = mailbox_id where lower(user_upn) = lower($1)`,
    [mailbox],
  )
  const live = rows.filter((row) => !row.is_removed)
  return {
    live: new Map(
      live.map(({ id, folder, subject, is_read }) => [id, { id, folder, subject, isRead: Boolean(is_read) }]),
    ),
    rows: rows.length,
    removed: rows.length - live.length,
  }
}

/** The stored mail equals the truth: none missing, none twice, none too many, each in its folder and state. */
export async function assertPerfectCopy(
  simulator: Simulator,
  place: Place,
  mailbox: string,
  asked: Asked = {},
): Promise<void> {
  const wanted = truth(simulator, mailbox, asked)
  const { live, rows, removed } = await stored(place, mailbox)
  assert.equal(rows - removed, live.size, 'no id is stored twice')
  const missing = [...wanted.keys()].filter((id) => !live.has(id))
  const extra = [...live.keys()].filter((id) => !wanted.has(id))
  assert.deepEqual({ missing: missing.length, extra: extra.length }, { missing: 0, extra: 0 })
  for (const [id, message] of wanted) {
    const subject = message.subject === null ? null : place.kept(message.subject)
    assert.deepEqual(live.get(id), { ...message, subject })
  }
}

/** At every moment, by folder and in sum: listed = stored + unchanged + removed + skipped. */
export async function assertCountsAddUp(place: Place): Promise<void> {
  const wrong = await place.query(
    `select 'folder' as what, folder_id as id from lanes where listed <> stored + unchanged + removed + skipped
     union all
     select 'extraction', id from extractions
     where messages_listed <> messages_stored + messages_unchanged + messages_removed + messages_skipped`,
  )
  assert.deepEqual(wrong, [])
}
