import type { ExpressionBuilder, Kysely, Transaction } from 'kysely'
import type { FolderId, MessageVersion } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import type { MailboxKey, PageToSave } from '../copying/message-store.ts'
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

/** What the walk by ids noted after `after`, in the order of ids. What has no version here was read by itself. */
export async function notedVersions(
  db: Kysely<Schema>,
  mailbox: MailboxKey,
  folder: FolderId,
  after: MessageId | undefined,
  limit: number,
): Promise<MessageVersion[]> {
  const rows = await db
    .selectFrom('walked_messages')
    .select(['message_id', 'change_key'])
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', folder)
    .where('message_id', '>', after ?? '')
    .where('change_key', 'is not', null)
    .orderBy('message_id')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ id: row.message_id as MessageId, changeKey: row.change_key }))
}
