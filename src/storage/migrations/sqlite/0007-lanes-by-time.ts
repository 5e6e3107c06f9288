import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const lanesByTime: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('lanes')
      .addColumn('received', 'text', (column) => column.notNull().defaultTo('[{"from":null,"before":null}]'))
      .execute()
  },
}
