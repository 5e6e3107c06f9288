import { randomUUID } from 'node:crypto'
import { type Kysely, sql, type Transaction } from 'kysely'
import { foldAddress } from '../extractions/addresses.ts'
import type { BatchId, ExtractionId } from '../extractions/extraction.ts'
import type { ExtractionStatus } from '../extractions/extraction-status.ts'
import type { Waiting } from '../extractions/extraction-store.ts'
import type { Schema } from './schema.ts'
import type { Tickets } from './tickets.ts'

/** Rows per statement: far below SQLite's 32,766 parameters (sqlite.org/limits.html). */
const ROWS_PER_INSERT = 500

export interface NewMembers {
  batchId: BatchId
  userUpns: readonly string[]
  status: ExtractionStatus
  credentials_id: number | null
  options: string
  now: string
}

/**
 * Adds members behind those the batch already has. Fair shares (start-time fair queueing): a member's tag is
 * the lowest tag that waits now plus its rank in this call, so a small batch that comes later does not wait
 * for all of a large one.
 */
export async function insertMembers(trx: Transaction<Schema>, tickets: Tickets, members: NewMembers): Promise<void> {
  const { batchId, userUpns, status, credentials_id, options, now } = members
  const lowest = await lowestQueuedTag(trx)
  for (let first = 0; first < userUpns.length; first += ROWS_PER_INSERT) {
    const rows = userUpns.slice(first, first + ROWS_PER_INSERT).map((userUpn, index) => ({
      id: randomUUID(),
      connection_id: `${batchId}:${userUpn}`,
      batch_id: batchId,
      user_upn: userUpn,
      address_key: foldAddress(userUpn),
      mailbox_key: foldAddress(userUpn),
      credentials_id,
      options,
      status,
      fair_tag: lowest + first + index + 1,
      created_at: now,
    }))
    await trx.insertInto('extractions').values(rows).execute()
    if (status === 'queued') await tickets.issue(trx, rows.map(toWaiting))
  }
}

/** One by one in chunks, so that a batch of any size needs no memory of its size. */
const TICKETS_AT_ONCE = 5_000

/**
 * Puts the members that a continued batch has queued behind those who wait now, in their old order, and gives them tickets:
 * a batch that was paused for long would else go ahead of all.
 */
export async function requeueMembers(trx: Transaction<Schema>, tickets: Tickets, batchId: BatchId): Promise<void> {
  const { lowest } = await queuedTags(trx)
    .where((eb) => eb.or([eb('batch_id', 'is', null), eb('batch_id', '<>', batchId)])) // its own tags are the old ones
    .executeTakeFirstOrThrow()
  await trx
    .updateTable('extractions')
    .from((eb) =>
      eb
        .selectFrom('extractions')
        .select(['seq as ranked_seq', sql<number>`row_number() over (order by seq)`.as('rank')])
        .where('batch_id', '=', batchId)
        .where('status', '=', sql.lit('queued'))
        .as('ranked'),
    )
    .set({ fair_tag: sql`${lowest ?? 0} + ranked.rank` })
    .whereRef('extractions.seq', '=', 'ranked.ranked_seq')
    .execute()
  for (let after = 0; ; ) {
    const rows = await trx
      .selectFrom('extractions')
      .select(['seq', 'id', 'fair_tag'])
      .where('batch_id', '=', batchId)
      .where('status', '=', sql.lit('queued'))
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(TICKETS_AT_ONCE)
      .execute()
    await tickets.issue(trx, rows.map(toWaiting))
    const last = rows.at(-1)
    if (!last || rows.length < TICKETS_AT_ONCE) return
    after = last.seq
  }
}

export function toWaiting({ id, fair_tag }: { id: string; fair_tag: number }): Waiting {
  return { extractionId: id as ExtractionId, fairTag: Number(fair_tag) }
}

/** The tag of an extraction that was asked for by name: just ahead of every batch member that waits. */
export async function tagAheadOfBatches(db: Kysely<Schema>): Promise<number> {
  const { lowest } = await queuedTags(db).where('batch_id', 'is not', null).executeTakeFirstOrThrow()
  return (lowest ?? 0) - 1
}

async function lowestQueuedTag(db: Kysely<Schema>): Promise<number> {
  const { lowest } = await queuedTags(db).executeTakeFirstOrThrow()
  return lowest ?? 0
}

function queuedTags(db: Kysely<Schema>) {
  return db
    .selectFrom('extractions')
    .select((eb) => eb.fn.min('fair_tag').as('lowest'))
    .where('status', '=', sql.lit('queued')) // a literal, so that the partial index serves it
}
