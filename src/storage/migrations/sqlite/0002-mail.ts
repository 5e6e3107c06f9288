import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const mail: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('mailboxes')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('object_id', 'text', (column) => column.notNull().unique())
      .addColumn('user_upn', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .execute()

    await db.schema
      .createTable('folders')
      .addColumn('mailbox_id', 'integer', (column) => column.notNull().references('mailboxes.id'))
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('parent_folder_id', 'text')
      .addColumn('display_name', 'text', (column) => column.notNull())
      .addColumn('path', 'text', (column) => column.notNull())
      .addColumn('is_hidden', 'integer', (column) => column.notNull())
      .addColumn('is_recoverable', 'integer', (column) => column.notNull())
      .addColumn('total_item_count', 'integer', (column) => column.notNull())
      .addColumn('removed_at', 'text')
      .addPrimaryKeyConstraint('folders_pk', ['mailbox_id', 'id'])
      .execute()

    await db.schema
      .createTable('lanes')
      .addColumn('mailbox_id', 'integer', (column) => column.notNull().references('mailboxes.id'))
      .addColumn('folder_id', 'text', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('source', 'text', (column) => column.notNull())
      .addColumn('content', 'text', (column) => column.notNull())
      .addColumn('at', 'text', (column) => column.notNull())
      .addColumn('link', 'text')
      .addColumn('extraction_id', 'text', (column) => column.notNull())
      .addColumn('done', 'integer', (column) => column.notNull())
      .addColumn('expected', 'integer', (column) => column.notNull())
      .addColumn('listed_by_graph', 'integer')
      .addColumn('listed', 'integer', (column) => column.notNull())
      .addColumn('stored', 'integer', (column) => column.notNull())
      .addColumn('unchanged', 'integer', (column) => column.notNull())
      .addColumn('removed', 'integer', (column) => column.notNull())
      .addColumn('skipped', 'integer', (column) => column.notNull())
      .addColumn('rewalks', 'integer', (column) => column.notNull().defaultTo(0))
      .addPrimaryKeyConstraint('lanes_pk', ['mailbox_id', 'folder_id'])
      .execute()

    await db.schema
      .createTable('walked_messages')
      .addColumn('mailbox_id', 'integer', (column) => column.notNull().references('mailboxes.id'))
      .addColumn('folder_id', 'text', (column) => column.notNull())
      .addColumn('message_id', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('walked_messages_pk', ['mailbox_id', 'folder_id', 'message_id'])
      .execute()

    await db.schema
      .createTable('skipped_emails')
      .addColumn('mailbox_id', 'integer', (column) => column.notNull().references('mailboxes.id'))
      .addColumn('message_id', 'text', (column) => column.notNull())
      .addColumn('folder_id', 'text', (column) => column.notNull())
      .addColumn('code', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('attempts', 'integer', (column) => column.notNull())
      .addColumn('first_seen', 'text', (column) => column.notNull())
      .addColumn('last_seen', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('skipped_emails_pk', ['mailbox_id', 'message_id'])
      .execute()

    await db.schema
      .createTable('emails')
      .addColumn('row', 'integer', (column) => column.primaryKey())
      .addColumn('mailbox_id', 'integer', (column) => column.notNull().references('mailboxes.id'))
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('parent_folder_id', 'text', (column) => column.notNull())
      .addColumn('change_key', 'text')
      .addColumn('message_type', 'text', (column) => column.notNull())
      .addColumn('subject', 'text')
      .addColumn('received_date_time', 'text')
      .addColumn('sent_date_time', 'text')
      .addColumn('created_date_time', 'text')
      .addColumn('last_modified_date_time', 'text')
      .addColumn('is_read', 'integer', (column) => column.notNull())
      .addColumn('is_draft', 'integer', (column) => column.notNull())
      .addColumn('has_attachments', 'integer', (column) => column.notNull())
      .addColumn('importance', 'text')
      .addColumn('conversation_id', 'text')
      .addColumn('internet_message_id', 'text')
      .addColumn('categories', 'text', (column) => column.notNull())
      .addColumn('flag', 'text')
      .addColumn('inference_classification', 'text')
      .addColumn('removed_at', 'text')
      .addColumn('body_type', 'text')
      .addColumn('body_kept', 'text', (column) => column.notNull())
      // The long columns come last: SQLite reads a row from its front and stops at the last column asked for.
      .addColumn('web_link', 'text')
      .addColumn('body_preview', 'text')
      .addColumn('recipients', 'text', (column) => column.notNull())
      .addColumn('internet_message_headers', 'text')
      .addColumn('body', 'text')
      .addColumn('body_text', 'text')
      .execute()

    await sql`create unique index emails_by_id on emails (mailbox_id, id)`.execute(db)
    // Newest first, as results are read; mail without a received time comes last.
    await sql`create index emails_newest on emails (mailbox_id, coalesce(received_date_time, ''), "row")`.execute(db)

    // The live mail of a folder, for the proof that a run ends with.
    await sql`create index emails_live on emails (mailbox_id, parent_folder_id) where removed_at is null`.execute(db)

    // The table of the module before this one, as a view, so that SQL written for it still reads.
    await sql`create view email_recipients as
      select emails.mailbox_id, emails.id as email_id,
        json_extract(recipient.value, '$.recipient_type') as recipient_type,
        json_extract(recipient.value, '$.email_address') as email_address,
        json_extract(recipient.value, '$.name') as name
      from emails, json_each(emails.recipients) as recipient`.execute(db)
  },
}
