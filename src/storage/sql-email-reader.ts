import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { AttachmentId } from '../copying/attachment.ts'
import type { Blob, Sha256 } from '../copying/blob-store.ts'
import type { MessageId } from '../copying/message.ts'
import type { EmailPosition, EmailReader, StoredContent, StoredEmail } from '../copying/stored-email.ts'
import type { ExtractionId } from '../extractions/extraction.ts'
import { forgetBlob } from './contents.ts'
import type { Database, Dialect } from './dialects/dialect.ts'
import { type ReadEmailRow, toStoredEmail } from './email-rows.ts'
import type { EmailAttachmentsTable, Schema } from './schema.ts'
import { ERASED } from './sql-erasure-store.ts'
import { storableTime } from './times.ts'

const row = sql.ref<number>('emails.row')

export class SqlEmailReader implements EmailReader {
  readonly #db: Kysely<Schema>
  readonly #transact: Database['transact']
  readonly #dialect: Dialect
  /** Mail without a received time sorts last; the same expression is in the index `emails_newest`. */
  readonly #received: RawBuilder<string>

  constructor(database: Database) {
    this.#received = sql`coalesce(emails.received_date_time, ${sql.lit(database.dialect.noTime)})`
    this.#db = database.db
    this.#transact = database.transact
    this.#dialect = database.dialect
  }

  async countEmails(extraction: ExtractionId): Promise<number> {
    const { count } = await this.#db
      .selectFrom('emails')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('mailbox_id', '=', this.#mailboxOf(extraction))
      .executeTakeFirstOrThrow()
    return Number(count)
  }

  async listEmails(
    extraction: ExtractionId,
    { limit, after }: { limit: number; after?: EmailPosition | undefined },
  ): Promise<{ items: StoredEmail[]; next: EmailPosition | null }> {
    const rows = await this.#emails()
      .where('emails.mailbox_id', '=', this.#mailboxOf(extraction))
      .$if(after !== undefined, (select) => select.where(this.#isBehind(after)))
      .orderBy(this.#received, 'desc')
      .orderBy(row, 'desc')
      .limit(limit + 1)
      .execute()

    const shown = rows.slice(0, limit)
    const last = shown.at(-1)
    const next = rows.length > limit && last ? { receivedDateTime: last.received_date_time ?? '', row: last.row } : null
    return { items: await this.#withAttachments(shown), next }
  }

  async findEmail(message: MessageId): Promise<StoredEmail | undefined> {
    const rows = await this.#emails()
      .where('emails.mailbox_id', 'in', this.#mailboxes())
      .where('emails.id', '=', message)
      .limit(1)
      .execute()
    return (await this.#withAttachments(rows))[0]
  }

  async findAttachment(message: MessageId, attachment: AttachmentId): Promise<StoredContent | undefined> {
    const found = await this.#db
      .selectFrom('email_attachments')
      .select(['attachment_name', 'content_type', 'sha256', 'content_size'])
      .where('mailbox_id', 'in', this.#mailboxes())
      .where('email_id', '=', message)
      .where('attachment_id', '=', attachment)
      .executeTakeFirst()
    return (
      found && {
        blob: toBlob(found.sha256, found.content_size),
        name: found.attachment_name,
        contentType: found.content_type,
      }
    )
  }

  async findMime(message: MessageId): Promise<StoredContent | undefined> {
    const found = await this.#db
      .selectFrom('email_contents')
      .select(['mime_sha256', 'mime_size'])
      .where('mailbox_id', 'in', this.#mailboxes())
      .where('email_id', '=', message)
      .executeTakeFirst()
    const blob = found && toBlob(found.mime_sha256, found.mime_size)
    return found && { blob, name: 'message.eml', contentType: 'message/rfc822' }
  }

  forgetBlob({ sha256 }: Blob): Promise<void> {
    return this.#transact((trx) => forgetBlob(trx, sha256))
  }

  #emails() {
    return this.#db
      .selectFrom('emails')
      .innerJoin('mailboxes', 'mailboxes.id', 'emails.mailbox_id')
      .leftJoin('folders', (join) =>
        join.onRef('folders.mailbox_id', '=', 'emails.mailbox_id').onRef('folders.id', '=', 'emails.parent_folder_id'),
      )
      .leftJoin('email_contents', (join) =>
        join
          .onRef('email_contents.mailbox_id', '=', 'emails.mailbox_id')
          .onRef('email_contents.email_id', '=', 'emails.id'),
      )
      .selectAll('emails')
      .select(['mailboxes.user_upn', 'folders.display_name as folder_name', 'folders.path as folder_path'])
      .select(['email_contents.mime_sha256', 'email_contents.mime_size', 'email_contents.mime_error'])
  }

  /** One question for all of them. */
  async #withAttachments(rows: readonly ReadEmailRow[]): Promise<StoredEmail[]> {
    const attachments = new Map<string, EmailAttachmentsTable[]>()
    if (rows.length > 0) {
      const found = await this.#db
        .selectFrom('email_attachments')
        .selectAll()
        .where('mailbox_id', 'in', [...new Set(rows.map((email) => email.mailbox_id))])
        .where(
          this.#dialect.oneOf(
            'email_id',
            rows.map((email) => email.id),
          ),
        )
        .orderBy('ordinal')
        .execute()
      for (const attachment of found) {
        const known = attachments.get(attachment.email_id)
        if (known) known.push(attachment)
        else attachments.set(attachment.email_id, [attachment])
      }
    }
    return rows.map((email) => toStoredEmail(email, attachments.get(email.id) ?? []))
  }

  /** The first comparison says what the second one implies: by it alone SQLite begins in the index where it has to. */
  #isBehind(position: EmailPosition | undefined): RawBuilder<boolean> {
    const time = this.#timeOf(position)
    return sql`(${this.#received} <= ${time} and (${this.#received}, ${row}) < (${time}, ${position?.row}))`
  }

  #timeOf(position: EmailPosition | undefined): string {
    return storableTime(position?.receivedDateTime ?? null) ?? this.#dialect.noTime
  }

  #mailboxOf(extraction: ExtractionId) {
    return this.#db.selectFrom('extractions').select('mailbox_id').where('id', '=', extraction)
  }

  /** All but those that are being erased. The keys of the tables begin with the mailbox: with all named, one message is found by its key. */
  #mailboxes() {
    return this.#db.selectFrom('mailboxes').select('id').where('object_id', 'not like', `${ERASED}%`)
  }
}

function toBlob(sha256: string | null, size: number | null): Blob | undefined {
  return sha256 === null || size === null ? undefined : { sha256: sha256 as Sha256, size }
}
