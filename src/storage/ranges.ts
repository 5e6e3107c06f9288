import { type ExpressionBuilder, type Kysely, sql, type Transaction } from 'kysely'
import type { FolderId } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import type { Lane, MailboxKey, MessageStore, PageToSave } from '../copying/message-store.ts'
import type { ReceivedRange } from '../copying/received-range.ts'
import type { Dialect } from './dialects/dialect.ts'
import { skippedAmong } from './ledger.ts'
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

/**
 * Looks at the next `limit` messages that the walk by ids noted after `after`: see MessageStore. What has no version here was
 * read by itself.
 */
export async function unfilledMessages(
  { db, dialect, mailbox }: { db: Kysely<Schema>; dialect: Dialect; mailbox: MailboxKey },
  { folderId, body }: Lane,
  after: MessageId | undefined,
  limit: number,
): ReturnType<MessageStore['unfilledMessages']> {
  // The subquery stands for a value, and has no condition but the key: so it is a look into the index of the key, whatever the
  // database knows of the table.
  const { rows } = await sql<{ id: MessageId; held: 'noted' | 'other' | null }>`select message_id as id,
      (select case when removed_at is not null or parent_folder_id <> noted.folder_id then null
          when emails.change_key = noted.change_key and body_kept in (${body}, 'both') then 'noted' else 'other' end
        from emails where emails.mailbox_id = noted.mailbox_id and emails.id = noted.message_id) as held
    from walked_messages as noted where mailbox_id = ${mailbox} and folder_id = ${folderId}
      and change_key is not null and message_id > ${after ?? ''}
    order by message_id limit ${limit}`.execute(db)
  const lacking = rows.filter(({ held }) => held !== 'noted').map(({ id }) => id)
  const skipped = await skippedAmong({ db, dialect, mailbox }, lacking)
  return {
    ids: lacking.filter((id) => !skipped.has(id)),
    stored: rows.filter(({ held }) => held !== null).length,
    last: rows.at(-1)?.id,
  }
}
