import { type Kysely, sql } from 'kysely'
import type { FolderId } from '../copying/mailbox.ts'
import type { MailboxKey } from '../copying/message-store.ts'
import type { ContentsReport, FolderReport, LedgerEntry, LedgerPosition, ReportReader } from '../copying/report.ts'
import { isEverything, type Spans } from '../copying/spans.ts'
import type { ExtractionId } from '../extractions/extraction.ts'
import type { Database, Dialect } from './dialects/dialect.ts'
import type { Schema } from './schema.ts'
import { countStored } from './stored-messages.ts'

export class SqlReportReader implements ReportReader {
  readonly #db: Kysely<Schema>
  readonly #dialect: Dialect

  constructor(database: Database) {
    this.#db = database.db
    this.#dialect = database.dialect
  }

  async reportFolders(extraction: ExtractionId): Promise<FolderReport[]> {
    const rows = await this.#db
      .selectFrom('lanes')
      .innerJoin('folders', (join) =>
        join.onRef('folders.mailbox_id', '=', 'lanes.mailbox_id').onRef('folders.id', '=', 'lanes.folder_id'),
      )
      .select(['lanes.mailbox_id', 'lanes.folder_id', 'lanes.wanted'])
      .select(['folders.path', 'lanes.expected', 'lanes.listed_by_graph'])
      .select(['lanes.stored', 'lanes.unchanged', 'lanes.removed', 'lanes.skipped'])
      .select((eb) => [
        eb
          .selectFrom('emails')
          .select((count) => count.fn.countAll<number>().as('held'))
          .whereRef('emails.mailbox_id', '=', 'lanes.mailbox_id')
          .whereRef('emails.parent_folder_id', '=', 'lanes.folder_id')
          .where('emails.removed_at', 'is', null)
          .as('held'),
        eb
          .selectFrom('skipped_emails')
          .select((count) => count.fn.countAll<number>().as('skipped'))
          .whereRef('skipped_emails.mailbox_id', '=', 'lanes.mailbox_id')
          .whereRef('skipped_emails.folder_id', '=', 'lanes.folder_id')
          .where('skipped_emails.part', '=', '')
          .as('in_ledger'),
      ])
      .where('lanes.mailbox_id', '=', this.#mailboxOf(extraction))
      .where('folders.removed_at', 'is', null)
      .orderBy('folders.path')
      .execute()
    return Promise.all(
      rows.map(async (row) => {
        const received = JSON.parse(row.wanted) as Spans
        const isWhole = isEverything(received)
        const { mailbox_id, folder_id } = row
        return {
          path: row.path,
          listedByGraph: row.listed_by_graph,
          itemsAtStart: isWhole ? row.expected : null,
          stored: row.stored,
          unchanged: row.unchanged,
          removed: row.removed,
          skipped: row.skipped,
          held: isWhole
            ? Number(row.held)
            : await countStored(this.#db, mailbox_id as MailboxKey, folder_id as FolderId, received),
          inLedger: Number(row.in_ledger),
        }
      }),
    )
  }

  async listLedger(extraction: ExtractionId, query: { limit: number; after?: LedgerPosition | undefined }) {
    const { messageId, part } = query.after ?? { messageId: '', part: '' }
    const rows = await this.#db
      .selectFrom('skipped_emails')
      .leftJoin('folders', (join) =>
        join
          .onRef('folders.mailbox_id', '=', 'skipped_emails.mailbox_id')
          .onRef('folders.id', '=', 'skipped_emails.folder_id'),
      )
      .selectAll('skipped_emails')
      .select('folders.path')
      .where('skipped_emails.mailbox_id', '=', this.#mailboxOf(extraction))
      .where(sql<boolean>`(skipped_emails.message_id, skipped_emails.part) > (${messageId}, ${part})`)
      .orderBy('skipped_emails.message_id')
      .orderBy('skipped_emails.part')
      .limit(query.limit + 1)
      .execute()
    const items: LedgerEntry[] = rows.slice(0, query.limit).map((row) => ({
      messageId: row.message_id,
      part: row.part,
      folderPath: row.path ?? '',
      code: row.code,
      reason: row.reason,
      attempts: row.attempts,
      firstSeen: row.first_seen,
      lastSeen: row.last_seen,
    }))
    return { items, next: rows.length > query.limit ? (items.at(-1) ?? null) : null }
  }

  async reportContents(extraction: ExtractionId): Promise<ContentsReport> {
    const pending = await this.#db
      .selectFrom('email_contents')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('mailbox_id', '=', this.#mailboxOf(extraction))
      .where('pending', '=', this.#dialect.yes)
      .executeTakeFirstOrThrow()
    const skipped = await this.#db
      .selectFrom('skipped_emails')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('mailbox_id', '=', this.#mailboxOf(extraction))
      .where('part', '<>', '')
      .executeTakeFirstOrThrow()
    return { pending: Number(pending.count), inLedger: Number(skipped.count) }
  }

  #mailboxOf(extraction: ExtractionId) {
    return this.#db.selectFrom('extractions').select('extractions.mailbox_id').where('extractions.id', '=', extraction)
  }
}
