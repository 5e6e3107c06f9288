import type { Kysely, Transaction } from 'kysely'
import type { Folder, FolderId, KnownFolder } from '../copying/mailbox.ts'
import type { MailboxKey } from '../copying/message-store.ts'
import type { Dialect } from './dialects/dialect.ts'
import { REWALK } from './rewalks.ts'
import type { Schema } from './schema.ts'

/** Rows per statement: far below SQLite's 32,766 parameters (sqlite.org/limits.html). */
const ROWS_PER_INSERT = 500

/**
 * Makes the stored folders equal to those listed. A folder that is gone is marked with its mail; one that is
 * back is walked again from the start, since what happened to its mail meanwhile is not known. Answers how many
 * messages went with their folders.
 */
export async function saveFolders(
  trx: Transaction<Schema>,
  dialect: Dialect,
  mailbox: MailboxKey,
  folders: readonly Folder[],
  now: string,
): Promise<number> {
  await restartReturnedFolders(trx, dialect, mailbox, folders)
  for (let first = 0; first < folders.length; first += ROWS_PER_INSERT) {
    const rows = folders.slice(first, first + ROWS_PER_INSERT).map((folder) => ({
      mailbox_id: mailbox,
      id: folder.id,
      parent_folder_id: folder.parentId,
      display_name: folder.displayName,
      path: folder.path,
      is_hidden: Number(folder.isHidden),
      is_recoverable: Number(folder.isRecoverable),
      total_item_count: folder.totalItemCount,
      removed_at: null,
    }))
    await trx
      .insertInto('folders')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['mailbox_id', 'id']).doUpdateSet((eb) => ({
          parent_folder_id: eb.ref('excluded.parent_folder_id'),
          display_name: eb.ref('excluded.display_name'),
          path: eb.ref('excluded.path'),
          is_hidden: eb.ref('excluded.is_hidden'),
          total_item_count: eb.ref('excluded.total_item_count'),
          removed_at: null,
        })),
      )
      .execute()
  }
  return markGoneFolders(trx, dialect, mailbox, folders, now)
}

/** Those that the last listing found, recoverable ones left out: they are listed only when asked for. */
export async function knownFolders(db: Kysely<Schema>, mailbox: MailboxKey): Promise<KnownFolder[]> {
  const rows = await db
    .selectFrom('folders')
    .select(['id', 'parent_folder_id'])
    .where('mailbox_id', '=', mailbox)
    .where('removed_at', 'is', null)
    .where('is_recoverable', '=', 0)
    .execute()
  return rows.map((row) => ({ id: row.id as FolderId, parentId: row.parent_folder_id as FolderId | null }))
}

export async function noteFullWalk(trx: Transaction<Schema>, mailbox: MailboxKey, now: string): Promise<void> {
  await trx.updateTable('mailboxes').set({ folders_walked_at: now }).where('id', '=', mailbox).execute()
}

async function restartReturnedFolders(
  trx: Transaction<Schema>,
  dialect: Dialect,
  mailbox: MailboxKey,
  folders: readonly Folder[],
): Promise<void> {
  await trx
    .updateTable('lanes')
    .set(REWALK)
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', 'in', (eb) =>
      eb
        .selectFrom('folders')
        .select('id')
        .where('mailbox_id', '=', mailbox)
        .where('removed_at', 'is not', null)
        .where(
          dialect.oneOf(
            'id',
            folders.map((folder) => folder.id),
          ),
        ),
    )
    .execute()
}

async function markGoneFolders(
  trx: Transaction<Schema>,
  dialect: Dialect,
  mailbox: MailboxKey,
  folders: readonly Folder[],
  now: string,
): Promise<number> {
  // Recoverable folders are listed only when asked for, so their absence says nothing.
  const withRecoverable = folders.some((folder) => folder.isRecoverable)
  const gone = await trx
    .selectFrom('folders')
    .select('id')
    .where('mailbox_id', '=', mailbox)
    .where('removed_at', 'is', null)
    .$if(!withRecoverable, (select) => select.where('is_recoverable', '=', 0))
    .where((eb) =>
      eb.not(
        dialect.oneOf(
          'id',
          folders.map((folder) => folder.id),
        ),
      ),
    )
    .execute()
  const ids = gone.map((folder) => folder.id as FolderId)
  return ids.length > 0 ? markGone(trx, dialect, mailbox, ids, now) : 0
}

/** Marks folders and their mail as removed; answers how many messages that were. */
export async function markGone(
  trx: Transaction<Schema>,
  dialect: Dialect,
  mailbox: MailboxKey,
  folders: readonly FolderId[],
  now: string,
): Promise<number> {
  await trx
    .updateTable('folders')
    .set({ removed_at: now })
    .where('mailbox_id', '=', mailbox)
    .where(dialect.oneOf('id', folders))
    .execute()
  await trx
    .deleteFrom('skipped_emails')
    .where('mailbox_id', '=', mailbox)
    .where('part', '=', '')
    .where(dialect.oneOf('folder_id', folders))
    .execute()
  const removed = await trx
    .updateTable('emails')
    .set({ removed_at: now })
    .where('mailbox_id', '=', mailbox)
    .where(dialect.oneOf('parent_folder_id', folders))
    .where('removed_at', 'is', null)
    .executeTakeFirst()
  return Number(removed.numUpdatedRows)
}
