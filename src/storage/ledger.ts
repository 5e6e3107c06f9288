import type { Transaction } from 'kysely'
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
        folder_id: lane.folderId,
        code,
        reason,
        attempts: 1,
        first_seen: now,
        last_seen: now,
      })
      .onConflict((conflict) =>
        conflict.columns(['mailbox_id', 'message_id']).doUpdateSet((eb) => ({
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

/** Takes out of the ledger what has been had, or is gone. */
export async function clearSkipped(
  { trx, dialect, mailbox }: Pick<Place, 'trx' | 'dialect' | 'mailbox'>,
  messages: readonly { id: MessageId }[],
): Promise<void> {
  await trx
    .deleteFrom('skipped_emails')
    .where('mailbox_id', '=', mailbox)
    .where('message_id', 'in', dialect.textList(messages.map(({ id }) => id)))
    .execute()
}
