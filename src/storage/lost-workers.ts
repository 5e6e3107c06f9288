import { sql, type Transaction } from 'kysely'
import type { ExtractionError } from '../extractions/extraction.ts'
import { type ExtractionStatus, nextStatus } from '../extractions/extraction-status.ts'
import { RUNNING } from './claims.ts'
import { columnsOnEntering } from './extraction-rows.ts'
import type { Schema } from './schema.ts'

/** So many workers lost in a row, without one page saved between, say that the extraction itself kills them. */
const MAX_CRASHES = 10

const WORKER_LOST: ExtractionError = {
  code: 'worker_lost',
  message: `The process ended ${MAX_CRASHES} times without saving a page of this mailbox: look for the cause (memory, a supervisor that kills it), then continue`,
}

/** For a database that is ours alone: whatever is marked as running has lost its worker. */
export async function recoverLost(trx: Transaction<Schema>, now: string): Promise<{ recovered: number }> {
  const lost = await trx
    .updateTable('extractions')
    .set({ crashes: sql`crashes + 1` })
    .where('status', 'in', RUNNING)
    .returning(['id', 'status', 'crashes'])
    .execute()
  for (const row of lost) await lose(trx, row, now)
  return { recovered: lost.length }
}

/** What becomes of an extraction whose worker is gone. */
export async function lose(
  trx: Transaction<Schema>,
  row: { id: string; status: string; crashes: number },
  now: string,
  error: ExtractionError = WORKER_LOST,
): Promise<ExtractionStatus | undefined> {
  const status = row.status as ExtractionStatus
  const event = row.crashes >= MAX_CRASHES && status === 'in_progress' ? 'fail' : 'lose'
  const to = nextStatus(status, event)
  if (!to) return undefined
  await trx
    .updateTable('extractions')
    .set(columnsOnEntering(to, now, error))
    .where('id', '=', row.id)
    .execute()
  return to
}
