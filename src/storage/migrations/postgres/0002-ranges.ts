import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const ranges: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`create table ranges (
      mailbox_id bigint not null references mailboxes (id),
      folder_id text collate "C" not null,
      number bigint not null,
      from_time text not null,
      before_time text not null,
      link text,
      constraint ranges_pk primary key (mailbox_id, folder_id, number)
    )`.execute(db)
    await sql`alter table lanes add column filling boolean not null default false`.execute(db)
    await sql`alter table walked_messages add column change_key text`.execute(db)
  },
}
