import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import type { FolderId } from '../copying/mailbox.ts'
import type { MailboxKey } from '../copying/message-store.ts'
import { isEverything, type Span, type Spans } from '../copying/spans.ts'
import type { Schema } from './schema.ts'

/** How many messages of the folder that were received within the spans are stored and not removed. */
export async function countStored(
  db: Kysely<Schema>,
  mailbox: MailboxKey,
  folder: FolderId,
  received: Spans,
): Promise<number> {
  const { count } = await db
    .selectFrom('emails')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('mailbox_id', '=', mailbox)
    .where('parent_folder_id', '=', folder)
    .where('removed_at', 'is', null)
    .$if(!isEverything(received), (query) => query.where((eb) => eb.or(received.map((span) => isWithin(eb, span)))))
    .executeTakeFirstOrThrow()
  return Number(count)
}

function isWithin(eb: ExpressionBuilder<Schema, 'emails'>, { from, before }: Span) {
  return eb.and([
    sql<boolean>`received_date_time is not null`,
    ...(from === null ? [] : [eb('received_date_time', '>=', from)]),
    ...(before === null ? [] : [eb('received_date_time', '<', before)]),
  ])
}
