import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const timesInFolders: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('emails').addColumn('in_folder_since', 'text').execute()
  },
}
