import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Addresses of users are ASCII, so SQLite's lower() folds them as `foldAddress` does. */
export const addressKeys: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('extractions')
      .addColumn('address_key', 'text', (column) => column.notNull().defaultTo(''))
      .execute()
    await sql`update extractions set address_key = lower(user_upn)`.execute(db)
  },
}
