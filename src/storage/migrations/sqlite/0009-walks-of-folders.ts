import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const walksOfFolders: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('mailboxes').addColumn('folders_walked_at', 'text').execute()
  },
}
