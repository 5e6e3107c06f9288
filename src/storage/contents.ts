import { type RawBuilder, type SqlBool, sql, type Transaction } from 'kysely'
import type { FolderId } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import type { KeptMessage, Lane, MailboxKey } from '../copying/message-store.ts'
import type { AttachmentsOption } from '../extractions/options.ts'
import type { Dialect } from './dialects/dialect.ts'
import { reopenParts } from './ledger.ts'
import type { EmailContentsTable, Schema } from './schema.ts'

/*
 * What belongs to messages beside their pages is fetched after them. What a run still has to fetch is in the rows from the
 * moment a message is stored, so it is neither lost nor done twice when the process dies. At every moment
 * attachments_total = attachments_stored + attachments_skipped + the contents missing of messages whose
 * attachments_pending says `content`.
 */

interface Place {
  trx: Transaction<Schema>
  dialect: Dialect
  mailbox: MailboxKey
}

/** Contents missing of these rows, as far as they are counted as still to be fetched. */
const countedMissing = sql<number>`(
  select count(*) from email_attachments as attachment
  where attachment.mailbox_id = email_contents.mailbox_id and attachment.email_id = email_contents.email_id
    and attachment.kind <> 'reference' and attachment.sha256 is null
    and not exists (
      select 1 from skipped_emails as entry
      where entry.mailbox_id = attachment.mailbox_id and entry.message_id = attachment.email_id
        and entry.part = attachment.attachment_id and not entry.reopened))`

/**
 * Makes the contents of messages that were stored anew wait to be fetched. Answers by how much `attachments_total` changes.
 * @param isNew whether nothing of the message was stored before
 */
export async function expectContents(
  place: Place,
  lane: Lane,
  messages: readonly KeptMessage[],
  isNew: (id: MessageId) => boolean,
): Promise<number> {
  const concerned = messages.filter(({ mayHaveAttachments }) => mayHaveAttachments || lane.mime)
  if (concerned.length === 0) return 0
  const { trx, dialect, mailbox } = place
  const known = concerned.map(({ id }) => id).filter((id) => !isNew(id))
  const withdrawn = await withdrawContents(place, known)
  await reopenParts(place, known)
  await dialect.expectContents(
    trx,
    concerned.map(({ id, mayHaveAttachments }) => {
      const attachments_pending = mayHaveAttachments && lane.attachments !== 'none' ? 'listing' : 'nothing'
      const mime_pending = Number(lane.mime)
      const pending = Number(attachments_pending !== 'nothing' || lane.mime)
      // Of this version nothing is held yet; one without attachments has all of them.
      const attachments = mayHaveAttachments ? 'none' : 'content'
      return {
        mailbox_id: mailbox,
        email_id: id,
        attachments,
        attachments_pending,
        mime: 'none',
        mime_pending,
        pending,
      }
    }),
  )
  return withdrawn
}

/** Messages that are gone have nothing to fetch any more. Answers by how much `attachments_total` changes. */
export async function withdrawContents({ trx, dialect, mailbox }: Place, ids: readonly MessageId[]): Promise<number> {
  if (ids.length === 0) return 0
  return withdraw(trx, mailbox, dialect.oneOf('email_id', ids))
}

/** As `withdrawContents`, for all messages of the mailbox that are marked as removed; their parts leave the ledger. */
export async function withdrawRemoved(trx: Transaction<Schema>, mailbox: MailboxKey): Promise<number> {
  const removed = trx
    .selectFrom('emails')
    .select('id')
    .where('mailbox_id', '=', mailbox)
    .where('removed_at', 'is not', null)
  const withdrawn = await withdraw(trx, mailbox, sql<boolean>`email_id in ${removed}`)
  await trx
    .deleteFrom('skipped_emails')
    .where('mailbox_id', '=', mailbox)
    .where('part', '<>', '')
    .where('message_id', 'in', removed)
    .execute()
  return withdrawn
}

/**
 * Brings what is still to be fetched in line with what a run asks for: what earlier runs left out of the chosen folders
 * is wanted now, or what an earlier run wanted no longer is. Answers how many contents are still to be fetched.
 */
export async function openContents(
  place: Place,
  { chosen, attachments, mime }: { chosen: readonly FolderId[]; attachments: AttachmentsOption; mime: boolean },
): Promise<number> {
  const { trx, dialect, mailbox } = place
  await withdraw(trx, mailbox, sql<boolean>`true`)
  const isChosen = sql<boolean>`exists (
    select 1 from emails where emails.mailbox_id = email_contents.mailbox_id and emails.id = email_contents.email_id
      and emails.removed_at is null and ${dialect.oneOf('emails.parent_folder_id', chosen)})`

  if (mime) {
    await sql`insert into email_contents
        (mailbox_id, email_id, attachments, attachments_pending, mime, mime_pending, pending)
      select mailbox_id, id, 'content', 'nothing', 'none', ${dialect.yes}, ${dialect.yes} from emails
      where mailbox_id = ${mailbox} and removed_at is null and ${dialect.oneOf('parent_folder_id', chosen)}
        and not exists (select 1 from email_contents as known
          where known.mailbox_id = emails.mailbox_id and known.email_id = emails.id)`.execute(trx)
    await wish(trx, mailbox, { mime_pending: 1 }).where('mime', '=', 'none').where(isChosen).execute()
  }
  if (attachments === 'none') return 0
  await wish(trx, mailbox, { attachments_pending: 'listing' })
    .where('attachments', '=', 'none')
    .where(isChosen)
    .execute()
  if (attachments === 'metadata') return 0
  await wish(trx, mailbox, { attachments_pending: 'content' })
    .where('attachments', '=', 'metadata')
    .where(isChosen)
    .execute()
  const { missing } = await trx
    .selectFrom('email_contents')
    .select(sql<number>`coalesce(sum(${countedMissing}), 0)`.as('missing'))
    .where('mailbox_id', '=', mailbox)
    .where('pending', '=', 1)
    .where('attachments_pending', '=', 'content')
    .executeTakeFirstOrThrow()
  return Number(missing)
}

function wish(trx: Transaction<Schema>, mailbox: MailboxKey, pending: Partial<EmailContentsTable>) {
  return trx
    .updateTable('email_contents')
    .set({ ...pending, pending: 1 })
    .where('mailbox_id', '=', mailbox)
}

async function withdraw(trx: Transaction<Schema>, mailbox: MailboxKey, which: RawBuilder<SqlBool>): Promise<number> {
  const { missing } = await trx
    .selectFrom('email_contents')
    .select(sql<number>`coalesce(sum(${countedMissing}), 0)`.as('missing'))
    .where('mailbox_id', '=', mailbox)
    .where('pending', '=', 1)
    .where('attachments_pending', '=', 'content')
    .where(which)
    .executeTakeFirstOrThrow()
  await trx
    .updateTable('email_contents')
    .set({ attachments_pending: 'nothing', mime_pending: 0, pending: 0 })
    .where('mailbox_id', '=', mailbox)
    .where('pending', '=', 1)
    .where(which)
    .execute()
  return -Number(missing)
}

/** Where the blob store has lost a blob, whoever referred to it has to be fetched again by the next run. */
export async function forgetBlob(trx: Transaction<Schema>, sha256: string): Promise<void> {
  const concerned = trx.selectFrom('email_attachments').select(['mailbox_id', 'email_id']).where('sha256', '=', sha256)
  await sql`update email_contents set attachments = 'none'
    where (mailbox_id, email_id) in ${concerned}`.execute(trx)
  await trx
    .updateTable('email_attachments')
    .set({ sha256: null, content_size: null })
    .where('sha256', '=', sha256)
    .execute()
  await trx
    .updateTable('email_contents')
    .set({ mime: 'none', mime_sha256: null, mime_size: null })
    .where('mime_sha256', '=', sha256)
    .execute()
}
