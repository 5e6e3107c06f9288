import { setTimeout as delay } from 'node:timers/promises'
import type { ApiClient } from '../http/client.ts'
import type { StatusRecord } from '../http/contract.ts'
import { describeMessages } from './describe.ts'
import { type ProgressBar, sumProgress } from './progress-bar.ts'

/** Often enough to look alive, seldom enough to cost nothing. */
const POLL_MS = 500

const RESTING: readonly StatusRecord['status'][] = ['completed', 'failed', 'cancelled', 'paused']

/** Shows the connections' progress until none of them moves any more; answers their last records. */
export async function follow(
  client: ApiClient,
  connectionIds: readonly string[],
  bar: ProgressBar,
): Promise<StatusRecord[]> {
  const told = new Set<string>()
  for (;;) {
    const records = await Promise.all(connectionIds.map((id) => statusRecord(client, id)))
    for (const record of records) {
      if (!RESTING.includes(record.status) || told.has(record.connection_id)) continue
      told.add(record.connection_id)
      const words = record.error ?? describeMessages(record.progress)
      bar.say(`${record.user_upn}: ${record.status} (${words})`)
    }
    const resting = records.filter((record) => RESTING.includes(record.status)).length
    const note = records.length === 1 ? (records[0]?.status ?? '') : `${resting}/${records.length} mailboxes`
    bar.show({ ...sumProgress(records.map((record) => record.progress)), note })
    if (resting === records.length) return records
    await delay(POLL_MS)
  }
}

async function statusRecord(client: ApiClient, connectionId: string): Promise<StatusRecord> {
  const record = await client.status(connectionId)
  if (record.status === 'not_started') throw new Error(`Connection ${connectionId} vanished while it was followed`)
  return record
}
