import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const walksOfFolders: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table mailboxes add column folders_walked_at timestamptz`.execute(db)
  },
}
