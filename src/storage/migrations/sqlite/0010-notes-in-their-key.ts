import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const COLUMNS = ['mailbox_id', 'folder_id', 'message_id', 'change_key'] as const

/**
 * What a walk notes is nothing but its key. A table of SQLite keeps its rows under a number, and the key in an index beside
 * them: each note was written, and forgotten, twice. Without the number the key holds the rows.
 */
export const notesInTheirKey: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('walked_anew')
      .addColumn('mailbox_id', 'integer', (column) => column.notNull().references('mailboxes.id'))
      .addColumn('folder_id', 'text', (column) => column.notNull())
      .addColumn('message_id', 'text', (column) => column.notNull())
      .addColumn('change_key', 'text')
      .addPrimaryKeyConstraint('walked_messages_pk', ['mailbox_id', 'folder_id', 'message_id'])
      .modifyEnd(sql`without rowid`)
      .execute()
    const columns = sql.join(COLUMNS.map((column) => sql.ref(column)))
    await sql`insert into walked_anew (${columns}) select ${columns} from walked_messages`.execute(db)
    await db.schema.dropTable('walked_messages').execute()
    await db.schema.alterTable('walked_anew').renameTo('walked_messages').execute()
  },
}
