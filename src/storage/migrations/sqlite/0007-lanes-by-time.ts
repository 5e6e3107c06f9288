import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const lanesByTime: Migration = {
  async up(db: Kysely<unknown>) {
    for (const name of ['received', 'wanted']) {
      await db.schema
        .alterTable('lanes')
        .addColumn(name, 'text', (column) => column.notNull().defaultTo('[{"from":null,"before":null}]'))
        .execute()
    }
  },
}
