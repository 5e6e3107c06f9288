import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const lanesByTime: Migration = {
  async up(db: Kysely<unknown>) {
    for (const name of ['received', 'wanted']) {
      await sql`alter table lanes add column ${sql.ref(name)} text not null default '[{"from":null,"before":null}]'`.execute(
        db,
      )
    }
  },
}
