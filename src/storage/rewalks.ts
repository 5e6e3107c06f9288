import { sql, type Transaction } from 'kysely'
import type { FolderId } from '../copying/mailbox.ts'
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

export async function noteWalked(
  trx: Transaction<Schema>,
  dialect: Dialect,
  mailbox: MailboxKey,
  folder: FolderId,
  { messages, patches }: PageToSave,
): Promise<void> {
  const ids = [...messages, ...patches].map(({ id }) => id)
  if (ids.length === 0) return
  await sql`insert into walked_messages (mailbox_id, folder_id, message_id)
    select ${mailbox}, ${folder}, ids.value from ${dialect.textList(ids)} as ids where true
    on conflict do nothing`.execute(trx)
}

/** Ends the walk; answers how many messages turned out to be gone. */
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
    .where('parent_folder_id', '=', folder)
    .where('removed_at', 'is', null)
    .where('id', 'not in', (eb) =>
      eb
        .selectFrom('walked_messages')
        .select('message_id')
        .where('mailbox_id', '=', mailbox)
        .where('folder_id', '=', folder),
    )
    .executeTakeFirst()
  await forgetWalked(trx, mailbox, folder)
  return Number(gone.numUpdatedRows)
}
