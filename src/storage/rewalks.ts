import { type Kysely, sql, type Transaction } from 'kysely'
import type { FolderId, MessageVersion } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import type { MailboxKey, PageToSave } from '../copying/message-store.ts'
import type { Dialect } from './dialects/dialect.ts'
import type { Schema } from './schema.ts'

/*
 * A walk that begins anew over a folder that already holds mail is told of everything the folder holds now, but
 * not of what went away while nobody was listening. So such a walk notes what it sees, page by page, and at its
 * end whatever it did not see is marked as removed.
 */

/** What a lane is set to when it is walked anew. */
export const REWALK = { at: 'start', link: null, rewalks: 1, done: 0 } as const

export async function forgetWalked(trx: Transaction<Schema>, mailbox: MailboxKey, folder: FolderId): Promise<void> {
  await trx.deleteFrom('walked_messages').where('mailbox_id', '=', mailbox).where('folder_id', '=', folder).execute()
}

/**
 * Forgets some of what was noted, once it has served; answers whether there was any. What is left of it when the process dies
 * is forgotten before another walk notes anything.
 */
export async function forgetSomeWalked(
  trx: Transaction<Schema>,
  mailbox: MailboxKey,
  folder: FolderId,
  limit: number,
): Promise<boolean> {
  const noted = sql`from walked_messages where mailbox_id = ${mailbox} and folder_id = ${folder}`
  const { numAffectedRows } = await sql`delete ${noted} and message_id <= (select max(message_id)
    from (select message_id ${noted} order by message_id limit ${limit}) as upcoming)`.execute(trx)
  return Number(numAffectedRows) > 0
}

export async function noteWalked(
  trx: Transaction<Schema>,
  dialect: Dialect,
  mailbox: MailboxKey,
  folder: FolderId,
  { messages, patches, skipped, unchanged, noted }: PageToSave,
): Promise<void> {
  await noteVersions(trx, dialect, mailbox, folder, noted ?? [])
  const ids = [...[...messages, ...patches, ...skipped].map(({ id }) => id), ...unchanged]
  if (ids.length === 0) return
  await sql`insert into walked_messages (mailbox_id, folder_id, message_id)
    select ${mailbox}, ${folder}, ids.value from ${dialect.textList(ids)} as ids where true
    on conflict do nothing`.execute(trx)
}

/** The last word on a message counts: it may change, and be listed again, while the folder is walked. */
async function noteVersions(
  trx: Transaction<Schema>,
  dialect: Dialect,
  mailbox: MailboxKey,
  folder: FolderId,
  versions: readonly MessageVersion[],
): Promise<void> {
  if (versions.length === 0) return
  // A change that is told of without the version it led to: what is stored may be older, so it matches no version.
  const list = dialect.textPairs(versions.map(({ id, changeKey }) => [id, changeKey ?? '']))
  await sql`insert into walked_messages (mailbox_id, folder_id, message_id, change_key)
    select ${mailbox}, ${folder}, noted.one, noted.other from ${list} as noted where true
    on conflict (mailbox_id, folder_id, message_id) do update set change_key = excluded.change_key`.execute(trx)
}

/**
 * Of the next `limit` messages of the mailbox after `after`, those of the folder that are stored and that the walk has not come by
 * so far; `last` is undefined where none is left.
 */
export async function unwalkedMessages(
  db: Kysely<Schema>,
  mailbox: MailboxKey,
  folder: FolderId,
  after: MessageId | undefined,
  limit: number,
): Promise<{ ids: MessageId[]; last: MessageId | undefined }> {
  // Along the index of ids, for which the mailbox is no condition: of a mailbox that Postgres has no statistics of it would take
  // all mail to sort it, each time.
  const window = await sql<{ last: MessageId | null }>`select max(case when mailbox_id = ${mailbox} then id end) as last
    from (select mailbox_id, id from emails where (mailbox_id, id) > (${mailbox}, ${after ?? ''})
      order by mailbox_id, id limit ${limit}) as upcoming`.execute(db)
  const last = window.rows[0]?.last ?? undefined
  if (last === undefined) return { ids: [], last }

  // What is said of the folder stands within `case`, and the look at what was noted has no condition but the key: so both are
  // found by their keys, whatever the database knows of the tables.
  const { rows } = await sql<{ id: MessageId }>`select id from emails
    where mailbox_id = ${mailbox} and id > ${after ?? ''} and id <= ${last}
    and case when parent_folder_id = ${folder} and removed_at is null then (
      select 1 from walked_messages as noted where noted.mailbox_id = emails.mailbox_id
        and noted.folder_id = ${folder} and noted.message_id = emails.id) else 1 end is null
    order by id`.execute(db)
  return { ids: rows.map(({ id }) => id), last }
}

/** Answers how many messages turned out to be gone. */
export async function markUnwalked(
  trx: Transaction<Schema>,
  mailbox: MailboxKey,
  folder: FolderId,
  now: string,
): Promise<number> {
  const gone = await trx
    .updateTable('emails')
    .set({ removed_at: now })
    .where('mailbox_id', '=', mailbox)
    .where(sql<boolean>`id in (${unwalkedEmails(mailbox, folder)})`)
    .executeTakeFirst()
  return Number(gone.numUpdatedRows)
}

/** What the ledger holds and the folder no longer does is gone as well. */
export async function clearUnwalked(trx: Transaction<Schema>, mailbox: MailboxKey, folder: FolderId): Promise<void> {
  await trx
    .deleteFrom('skipped_emails')
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', folder)
    .where('part', '=', '')
    .where(
      sql<boolean>`(select 1 from walked_messages as noted where noted.mailbox_id = skipped_emails.mailbox_id
        and noted.folder_id = skipped_emails.folder_id and noted.message_id = skipped_emails.message_id) is null`,
    )
    .execute()
}

// NOTE: by `except`, which takes the two lists as wholes. Of `not exists` and `not in` Postgres makes a loop over the one
// within a loop over the other as long as it has no statistics, which is so while a folder is copied for the first time.
function unwalkedEmails(mailbox: MailboxKey, folder: FolderId) {
  return sql`select id from emails
    where mailbox_id = ${mailbox} and parent_folder_id = ${folder} and removed_at is null
    except select message_id from walked_messages where mailbox_id = ${mailbox} and folder_id = ${folder}`
}
