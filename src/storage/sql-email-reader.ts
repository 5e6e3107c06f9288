import { type Kysely, sql } from 'kysely'
import type { EmailPosition, EmailReader, StoredEmail } from '../copying/stored-email.ts'
import type { ExtractionId } from '../extractions/extraction.ts'
import type { Database } from './dialects/dialect.ts'
import { toStoredEmail } from './email-rows.ts'
import type { Schema } from './schema.ts'

/** Mail without a received time sorts last; the same expression is in the index `emails_newest`. */
const received = sql<string>`coalesce(emails.received_date_time, '')`
const row = sql.ref<number>('emails.row')

export class SqlEmailReader implements EmailReader {
  readonly #db: Kysely<Schema>

  constructor(database: Database) {
    this.#db = database.db
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
    const rows = await this.#db
      .selectFrom('emails')
      .innerJoin('mailboxes', 'mailboxes.id', 'emails.mailbox_id')
      .leftJoin('folders', (join) =>
        join.onRef('folders.mailbox_id', '=', 'emails.mailbox_id').onRef('folders.id', '=', 'emails.parent_folder_id'),
      )
      .selectAll('emails')
      .select(['mailboxes.user_upn', 'folders.display_name as folder_name', 'folders.path as folder_path'])
      .where('emails.mailbox_id', '=', this.#mailboxOf(extraction))
      .$if(after !== undefined, (select) =>
        select.where(sql<boolean>`(${received}, ${row}) < (${after?.receivedDateTime}, ${after?.row})`),
      )
      .orderBy(received, 'desc')
      .orderBy(row, 'desc')
      .limit(limit + 1)
      .execute()

    const items = rows.slice(0, limit)
    const last = items.at(-1)
    const next = rows.length > limit && last ? { receivedDateTime: last.received_date_time ?? '', row: last.row } : null
    return { items: items.map(toStoredEmail), next }
  }

  #mailboxOf(extraction: ExtractionId) {
    return this.#db.selectFrom('extractions').select('mailbox_id').where('id', '=', extraction)
  }
}
