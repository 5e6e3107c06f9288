import { type Kysely, sql, type Transaction, type UpdateObject } from 'kysely'
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
  return { status: statusOfClaimed(claim, await claimedUpdate(trx, claim, changes).execute()) }
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
  return statusIn(await claimedUpdate(trx, claim, changes).execute())
}

/** For who compiles it once: the update alone. `statusOfClaimed` is then asked what its answer means. */
export function claimedUpdate(db: Kysely<Schema>, claim: Claim, changes: UpdateObject<Schema, 'extractions'>) {
  return db
    .updateTable('extractions')
    .set(changes)
    .where('id', '=', claim.extractionId)
    .where('epoch', '=', claim.epoch)
    .where('status', 'in', RUNNING)
    .returning('status')
}

/** Throws ClaimLostError where no row was changed. */
export function statusOfClaimed(claim: Claim, rows: readonly { status: string }[]): ExtractionStatus {
  const status = statusIn(rows)
  if (!status) throw new ClaimLostError(claim)
  return status
}

function statusIn([row]: readonly { status: string }[]): ExtractionStatus | undefined {
  return row?.status as ExtractionStatus | undefined
}

/** `{ requests: 3 }` as an update that adds 3 to the column. */
export function adding(amounts: Partial<Record<keyof ExtractionsTable, number>>): UpdateObject<Schema, 'extractions'> {
  return Object.fromEntries(
    Object.entries(amounts).map(([column, amount]) => [column, sql`${sql.ref(column)} + ${amount}`]),
  )
}
