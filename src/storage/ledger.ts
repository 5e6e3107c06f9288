import { type Kysely, sql, type Transaction } from 'kysely'
import type { ContentWrite, SkippedPart } from '../copying/content-store.ts'
import type { MessageId } from '../copying/message.ts'
import type { Lane, MailboxKey, SkippedMessage } from '../copying/message-store.ts'
import type { Dialect } from './dialects/dialect.ts'
import type { Schema } from './schema.ts'

interface Place {
  trx: Transaction<Schema>
  dialect: Dialect
  mailbox: MailboxKey
  lane: Lane
  now: string
}

/** Writes messages that could not be had into the ledger, or that they could not be had once more. */
export async function recordSkipped(
  { trx, mailbox, lane, now }: Place,
  skipped: readonly SkippedMessage[],
): Promise<void> {
  for (const { id, code, reason } of skipped) {
    await trx
      .insertInto('skipped_emails')
      .values({
        mailbox_id: mailbox,
        message_id: id,
        part: '',
        folder_id: lane.folderId,
        code,
        reason,
        attempts: 1,
        first_seen: now,
        last_seen: now,
      })
      .onConflict((conflict) =>
        conflict.columns(['mailbox_id', 'message_id', 'part']).doUpdateSet((eb) => ({
          folder_id: lane.folderId,
          code,
          reason,
          attempts: eb('skipped_emails.attempts', '+', 1),
          last_seen: now,
        })),
      )
      .execute()
  }
}

/** Which of these messages could not be had. */
export async function skippedAmong(
  { db, dialect, mailbox }: { db: Kysely<Schema>; dialect: Dialect; mailbox: MailboxKey },
  ids: readonly MessageId[],
): Promise<Set<MessageId>> {
  if (ids.length === 0) return new Set()
  const rows = await db
    .selectFrom('skipped_emails')
    .select('message_id')
    .where('mailbox_id', '=', mailbox)
    .where(dialect.oneOf('message_id', ids))
    .where('part', '=', '')
    .execute()
  return new Set(rows.map((row) => row.message_id as MessageId))
}

/** Takes messages out of the ledger that have been had, or are gone; what stands there of their parts stays. */
export async function clearSkipped(
  { trx, dialect, mailbox }: Pick<Place, 'trx' | 'dialect' | 'mailbox'>,
  messages: readonly { id: MessageId }[],
): Promise<void> {
  await trx
    .deleteFrom('skipped_emails')
    .where('mailbox_id', '=', mailbox)
    .where(
      dialect.oneOf(
        'message_id',
        messages.map(({ id }) => id),
      ),
    )
    .where('part', '=', '')
    .execute()
}

/** The same for messages that are gone from a folder: what another folder holds by now stays in the ledger. */
export async function clearSkippedInFolder(
  { trx, dialect, mailbox, lane }: Pick<Place, 'trx' | 'dialect' | 'mailbox' | 'lane'>,
  ids: readonly MessageId[],
): Promise<void> {
  await trx
    .deleteFrom('skipped_emails')
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', lane.folderId)
    .where(dialect.oneOf('message_id', ids))
    .where('part', '=', '')
    .execute()
}

/** Writes a part of a stored message into the ledger, or that it could not be had once more. */
export async function recordPart(
  trx: Transaction<Schema>,
  { mailbox, messageId }: ContentWrite,
  { part, code, reason }: SkippedPart,
  now: string,
): Promise<void> {
  const { parent_folder_id: folder_id } = await trx
    .selectFrom('emails')
    .select('parent_folder_id')
    .where('mailbox_id', '=', mailbox)
    .where('id', '=', messageId)
    .executeTakeFirstOrThrow()
  const entry = { mailbox_id: mailbox, message_id: messageId, part, folder_id, code, reason }
  await trx
    .insertInto('skipped_emails')
    .values({ ...entry, attempts: 1, first_seen: now, last_seen: now })
    .onConflict((conflict) =>
      conflict.columns(['mailbox_id', 'message_id', 'part']).doUpdateSet((eb) => ({
        ...entry,
        attempts: eb('skipped_emails.attempts', '+', 1),
        last_seen: now,
        reopened: 0,
      })),
    )
    .execute()
}

/** Parts of these messages are tried again; until then they stand in the ledger as they are. */
export async function reopenParts(place: PartsPlace, ids: readonly MessageId[]): Promise<void> {
  if (ids.length === 0) return
  await place.trx.updateTable('skipped_emails').set({ reopened: 1 }).where(isPartOf(place, ids)).execute()
}

/** Takes parts out of the ledger whose messages are gone. */
export async function clearParts(place: PartsPlace, ids: readonly MessageId[]): Promise<void> {
  if (ids.length === 0) return
  await place.trx.deleteFrom('skipped_emails').where(isPartOf(place, ids)).execute()
}

type PartsPlace = Pick<Place, 'trx' | 'dialect' | 'mailbox'>

function isPartOf({ dialect, mailbox }: PartsPlace, ids: readonly MessageId[]) {
  return sql<boolean>`mailbox_id = ${mailbox} and ${dialect.oneOf('message_id', ids)} and part <> ''`
}
