import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const timesInFolders: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table emails add column in_folder_since timestamptz`.execute(db)
  },
}
