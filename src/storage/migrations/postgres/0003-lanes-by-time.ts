import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const lanesByTime: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table lanes add column received text not null default '[{"from":null,"before":null}]'`.execute(db)
  },
}
