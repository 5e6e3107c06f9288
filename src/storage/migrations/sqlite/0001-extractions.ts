import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const COUNTERS = [
  'folders_total',
  'folders_done',
  'messages_total',
  'messages_covered',
  'messages_listed',
  'messages_stored',
  'messages_unchanged',
  'messages_removed',
  'messages_skipped',
  'attachments_total',
  'attachments_stored',
  'bytes_stored',
  'requests',
  'retries',
  'throttled_ms',
  'active_ms',
]

export const extractions: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('credentials')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('fingerprint', 'text', (column) => column.notNull().unique())
      .addColumn('sealed', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .execute()

    await db.schema
      .createTable('batches')
      .addColumn('seq', 'integer', (column) => column.primaryKey())
      .addColumn('id', 'text', (column) => column.notNull().unique())
      .addColumn('source', 'text', (column) => column.notNull())
      .addColumn('wish', 'text', (column) => column.notNull())
      .addColumn('exclude', 'text', (column) => column.notNull())
      .addColumn('options', 'text', (column) => column.notNull())
      .addColumn('credentials_id', 'integer', (column) => column.references('credentials.id'))
      .addColumn('listed', 'integer', (column) => column.notNull())
      .addColumn('listing_link', 'text')
      .addColumn('error_code', 'text')
      .addColumn('error_message', 'text')
      .addColumn('created_at', 'text', (column) => column.notNull())
      .execute()

    let table = db.schema
      .createTable('extractions')
      .addColumn('seq', 'integer', (column) => column.primaryKey())
      .addColumn('id', 'text', (column) => column.notNull().unique())
      .addColumn('connection_id', 'text', (column) => column.notNull())
      .addColumn('batch_id', 'text', (column) => column.references('batches.id'))
      .addColumn('user_upn', 'text', (column) => column.notNull())
      .addColumn('mailbox_key', 'text', (column) => column.notNull())
      .addColumn('mailbox_id', 'integer', (column) => column.references('mailboxes.id'))
      .addColumn('credentials_id', 'integer', (column) => column.references('credentials.id'))
      .addColumn('options', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('epoch', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('fair_tag', 'integer', (column) => column.notNull())
      .addColumn('crashes', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('started_at', 'text')
      .addColumn('completed_at', 'text')
      .addColumn('error_code', 'text')
      .addColumn('error_message', 'text')
      .addColumn('waiting_for', 'text')
    for (const counter of COUNTERS) {
      table = table.addColumn(counter, 'integer', (column) => column.notNull().defaultTo(0))
    }
    await table.execute()

    // The referee of "one run of a connection, one worker of a mailbox": whoever comes second is refused.
    await sql`create unique index extractions_one_open_per_connection on extractions (connection_id)
      where status not in ('completed', 'cancelled', 'failed')`.execute(db)
    await sql`create unique index extractions_one_worker_per_mailbox on extractions (mailbox_key)
      where status in ('in_progress', 'pausing', 'cancelling')`.execute(db)
    await sql`create index extractions_queue on extractions (fair_tag, seq) where status = 'queued'`.execute(db)
    await sql`create index extractions_by_connection on extractions (connection_id, seq)`.execute(db)
    await sql`create index extractions_by_batch on extractions (batch_id, status, seq) where batch_id is not null`.execute(
      db,
    )
  },
}
