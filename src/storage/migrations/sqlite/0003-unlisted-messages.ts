import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const unlistedMessages: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('extractions').addColumn('messages_unlisted', 'integer').execute()
  },
}
