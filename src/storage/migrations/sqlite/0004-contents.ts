import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Attachments and MIME: what is kept of each message, what is still to be fetched, and the blobs they share. */
export const contents: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('email_contents')
      .addColumn('mailbox_id', 'integer', (column) => column.notNull().references('mailboxes.id'))
      .addColumn('email_id', 'text', (column) => column.notNull())
      .addColumn('attachments', 'text', (column) => column.notNull())
      .addColumn('attachments_pending', 'text', (column) => column.notNull())
      .addColumn('mime', 'text', (column) => column.notNull())
      .addColumn('mime_pending', 'integer', (column) => column.notNull())
      .addColumn('pending', 'integer', (column) => column.notNull())
      .addColumn('mime_sha256', 'text')
      .addColumn('mime_size', 'integer')
      .addColumn('mime_error', 'text')
      .addPrimaryKeyConstraint('email_contents_pk', ['mailbox_id', 'email_id'])
      .execute()
    await sql`create index email_contents_pending on email_contents (mailbox_id, email_id) where pending = 1`.execute(
      db,
    )
    await sql`create index email_contents_partial on email_contents (mailbox_id, attachments) where attachments <> 'content'`.execute(
      db,
    )
    await sql`create index email_contents_mime on email_contents (mime_sha256) where mime_sha256 is not null`.execute(
      db,
    )

    await db.schema
      .createTable('email_attachments')
      .addColumn('mailbox_id', 'integer', (column) => column.notNull().references('mailboxes.id'))
      .addColumn('email_id', 'text', (column) => column.notNull())
      .addColumn('ordinal', 'integer', (column) => column.notNull())
      .addColumn('attachment_id', 'text', (column) => column.notNull())
      .addColumn('attachment_name', 'text')
      .addColumn('content_type', 'text')
      .addColumn('size', 'integer', (column) => column.notNull())
      .addColumn('is_inline', 'integer', (column) => column.notNull())
      .addColumn('content_id', 'text')
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('last_modified_date_time', 'text')
      .addColumn('sha256', 'text')
      .addColumn('content_size', 'integer')
      .addPrimaryKeyConstraint('email_attachments_pk', ['mailbox_id', 'email_id', 'ordinal'])
      .execute()
    await sql`create index email_attachments_blob on email_attachments (sha256) where sha256 is not null`.execute(db)

    await db.schema
      .createTable('blobs')
      .addColumn('sha256', 'text', (column) => column.primaryKey())
      .addColumn('size', 'integer', (column) => column.notNull())
      .execute()

    for (const column of ['attachments', 'mime'] as const) {
      const type = column === 'mime' ? 'integer' : 'text'
      const fallback = column === 'mime' ? 0 : 'none'
      await db.schema
        .alterTable('lanes')
        .addColumn(column, type, (definition) => definition.notNull().defaultTo(fallback))
        .execute()
    }
    await db.schema
      .alterTable('extractions')
      .addColumn('attachments_skipped', 'integer', (column) => column.notNull().defaultTo(0))
      .execute()

    await keepPartsInLedger(db)

    // Mail that was stored before attachments were fetched: the next run that wants them finds them here.
    await sql`insert into email_contents
        (mailbox_id, email_id, attachments, attachments_pending, mime, mime_pending, pending)
      select mailbox_id, id, 'none', 'nothing', 'none', 0, 0 from emails
      where has_attachments = 1 or body like '%cid:%'`.execute(db)
  },
}

/** The key of the ledger gains the part of the message, so the table is made anew. */
async function keepPartsInLedger(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('skipped_parts')
    .addColumn('mailbox_id', 'integer', (column) => column.notNull().references('mailboxes.id'))
    .addColumn('message_id', 'text', (column) => column.notNull())
    .addColumn('part', 'text', (column) => column.notNull())
    .addColumn('folder_id', 'text', (column) => column.notNull())
    .addColumn('code', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('first_seen', 'text', (column) => column.notNull())
    .addColumn('last_seen', 'text', (column) => column.notNull())
    .addColumn('reopened', 'integer', (column) => column.notNull().defaultTo(0))
    .addPrimaryKeyConstraint('skipped_parts_pk', ['mailbox_id', 'message_id', 'part'])
    .execute()
  await sql`insert into skipped_parts
      (mailbox_id, message_id, part, folder_id, code, reason, attempts, first_seen, last_seen)
    select mailbox_id, message_id, '', folder_id, code, reason, attempts, first_seen, last_seen
    from skipped_emails`.execute(db)
  await db.schema.dropTable('skipped_emails').execute()
  await db.schema.alterTable('skipped_parts').renameTo('skipped_emails').execute()
}
