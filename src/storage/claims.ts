import { sql, type Transaction, type UpdateObject } from 'kysely'
import { type Claim, ClaimLostError } from '../extractions/extraction.ts'
import { type ExtractionStatus, RUNNING_STATUSES } from '../extractions/extraction-status.ts'
import type { ExtractionsTable, Schema } from './schema.ts'

/** The running statuses as literals: only so do the partial indexes over them serve a query. */
export const RUNNING = sql<string>`(${sql.join(RUNNING_STATUSES.map((status) => sql.lit(status)))})`

/**
 * Part of every write a worker makes: it changes the row only while the claim holds, and keeps it locked until the
 * transaction ends. Throws ClaimLostError otherwise, which rolls the transaction back. It comes first, or after what
 * several transactions of one extraction may do at the same time; who changes a lane or its ranges has the row.
 */
export async function updateClaimed(
  trx: Transaction<Schema>,
  claim: Claim,
  changes: UpdateObject<Schema, 'extractions'>,
): Promise<{ status: ExtractionStatus }> {
  const status = await update(trx, claim, changes)
  if (!status) throw new ClaimLostError(claim)
  return { status }
}

/** As `updateClaimed`, where there is nothing to change yet. */
export function lockClaimed(trx: Transaction<Schema>, claim: Claim) {
  return updateClaimed(trx, claim, { epoch: claim.epoch })
}

/** As `lockClaimed`, for those who only want to know whether the claim still holds. */
export function lockedStatusOf(trx: Transaction<Schema>, claim: Claim): Promise<ExtractionStatus | undefined> {
  return update(trx, claim, { epoch: claim.epoch })
}

async function update(trx: Transaction<Schema>, claim: Claim, changes: UpdateObject<Schema, 'extractions'>) {
  const row = await trx
    .updateTable('extractions')
    .set(changes)
    .where('id', '=', claim.extractionId)
    .where('epoch', '=', claim.epoch)
    .where('status', 'in', RUNNING)
    .returning('status')
    .executeTakeFirst()
  return row?.status as ExtractionStatus | undefined
}

/** `{ requests: 3 }` as an update that adds 3 to the column. */
export function adding(amounts: Partial<Record<keyof ExtractionsTable, number>>): UpdateObject<Schema, 'extractions'> {
  return Object.fromEntries(
    Object.entries(amounts).map(([column, amount]) => [column, sql`${sql.ref(column)} + ${amount}`]),
  )
}
