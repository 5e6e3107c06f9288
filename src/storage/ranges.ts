import { type ExpressionBuilder, type Kysely, sql, type Transaction } from 'kysely'
import type { FolderId } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import type { Lane, MailboxKey, PageToSave } from '../copying/message-store.ts'
import type { ReceivedRange } from '../copying/received-range.ts'
import type { RangesTable, Schema } from './schema.ts'

export async function openRanges(db: Kysely<Schema>, mailbox: MailboxKey, folder: FolderId): Promise<ReceivedRange[]> {
  const rows = await db
    .selectFrom('ranges')
    .selectAll()
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', folder)
    .execute()
  return rows.map(({ number, from_time, before_time, link }) => ({
    number: Number(number),
    from: from_time,
    before: before_time,
    link,
  }))
}

export async function addRanges(
  trx: Transaction<Schema>,
  mailbox: MailboxKey,
  folder: FolderId,
  ranges: readonly ReceivedRange[],
): Promise<void> {
  const rows = ranges.map(
    ({ number, from, before, link }): RangesTable => ({
      mailbox_id: mailbox,
      folder_id: folder,
      number,
      from_time: from,
      before_time: before,
      link,
    }),
  )
  if (rows.length > 0) await trx.insertInto('ranges').values(rows).execute()
}

/** What is older than `from` belongs to another range from now on. */
export async function narrowRange(
  trx: Transaction<Schema>,
  mailbox: MailboxKey,
  folder: FolderId,
  { number, from }: ReceivedRange,
): Promise<void> {
  await trx
    .updateTable('ranges')
    .set({ from_time: from })
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', folder)
    .where('number', '=', number)
    .execute()
}

/** Moves a range on behind a page that is stored; at its end it is forgotten. */
export async function moveRange(
  trx: Transaction<Schema>,
  mailbox: MailboxKey,
  folder: FolderId,
  { number, rest }: NonNullable<PageToSave['range']>,
): Promise<void> {
  const isIt = (eb: ExpressionBuilder<Schema, 'ranges'>) => eb.and({ mailbox_id: mailbox, folder_id: folder, number })
  if (rest) await trx.updateTable('ranges').set({ before_time: rest.before, link: rest.link }).where(isIt).execute()
  else await trx.deleteFrom('ranges').where(isIt).execute()
}

export async function forgetRanges(trx: Transaction<Schema>, mailbox: MailboxKey, folder: FolderId): Promise<void> {
  await trx.deleteFrom('ranges').where('mailbox_id', '=', mailbox).where('folder_id', '=', folder).execute()
}

/** Noted messages that are neither stored as the walk saw them nor in the ledger. */
export async function unfilledIds(
  db: Kysely<Schema>,
  mailbox: MailboxKey,
  { folderId, body }: Lane,
  after: MessageId | undefined,
  limit: number,
): Promise<MessageId[]> {
  // Compared as wholes: see rewalks.ts. What has no version here was read by itself.
  const { rows } = await sql<{ message_id: MessageId }>`
    select message_id from (
      select message_id, change_key from walked_messages
      where mailbox_id = ${mailbox} and folder_id = ${folderId} and message_id > ${after ?? ''}
        and change_key is not null
      except
      select id, change_key from emails
      where mailbox_id = ${mailbox} and parent_folder_id = ${folderId} and removed_at is null
        and body_kept in (${body}, 'both')
    ) as unfilled
    where message_id not in (select message_id from skipped_emails where mailbox_id = ${mailbox} and part = '')
    order by message_id limit ${limit}`.execute(db)
  return rows.map((row) => row.message_id)
}
