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
  const rows = await db
    .selectFrom('walked_messages as walked')
    .select('walked.message_id')
    .where('walked.mailbox_id', '=', mailbox)
    .where('walked.folder_id', '=', folderId)
    .where('walked.message_id', '>', after ?? '')
    .where(
      sql<boolean>`not exists (
        select 1 from emails
        where emails.mailbox_id = walked.mailbox_id and emails.id = walked.message_id
          and emails.parent_folder_id = walked.folder_id and emails.removed_at is null
          and emails.body_kept in (${body}, 'both')
          and (walked.change_key is null or emails.change_key = walked.change_key))`,
    )
    .where(
      sql<boolean>`not exists (
        select 1 from skipped_emails as skipped
        where skipped.mailbox_id = walked.mailbox_id and skipped.message_id = walked.message_id and skipped.part = '')`,
    )
    .orderBy('walked.message_id')
    .limit(limit)
    .execute()
  return rows.map((row) => row.message_id as MessageId)
}
