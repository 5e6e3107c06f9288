import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const ranges: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('ranges')
      .addColumn('mailbox_id', 'integer', (column) => column.notNull().references('mailboxes.id'))
      .addColumn('folder_id', 'text', (column) => column.notNull())
      .addColumn('number', 'integer', (column) => column.notNull())
      .addColumn('from_time', 'text', (column) => column.notNull())
      .addColumn('before_time', 'text', (column) => column.notNull())
      .addColumn('link', 'text')
      .addPrimaryKeyConstraint('ranges_pk', ['mailbox_id', 'folder_id', 'number'])
      .execute()
    await db.schema
      .alterTable('lanes')
      .addColumn('filling', 'integer', (column) => column.notNull().defaultTo(0))
      .execute()
    await db.schema.alterTable('walked_messages').addColumn('change_key', 'text').execute()
  },
}
