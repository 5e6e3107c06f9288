import { setTimeout as delay } from 'node:timers/promises'
import type { ApiClient } from '../http/client.ts'
import type { StatusRecord } from '../http/contract.ts'
import { describeMessages } from './describe.ts'
import { type ProgressBar, sumProgress } from './progress-bar.ts'

/** Often enough to look alive, seldom enough to cost nothing. */
const POLL_MS = 500

/** So many questions a look: thousands of mailboxes must not keep the service busy with telling how they are. */
const QUESTIONS = 50

const RESTING: readonly StatusRecord['status'][] = ['completed', 'failed', 'cancelled', 'paused']

/** Shows the connections' progress until none of them moves any more; answers their last records, in the same order. */
export async function follow(
  client: ApiClient,
  connectionIds: readonly string[],
  bar: ProgressBar,
): Promise<StatusRecord[]> {
  const records = new Map<string, StatusRecord>()
  let moving = [...connectionIds]
  let resting = 0
  for (;;) {
    const asked = await Promise.all(moving.slice(0, QUESTIONS).map((id) => statusRecord(client, id)))
    for (const record of asked) {
      records.set(record.connection_id, record)
      if (!RESTING.includes(record.status)) continue
      resting++
      const words = record.error ?? describeMessages(record.progress)
      bar.say(`${record.user_upn}: ${record.status} (${words})`)
    }
    moving = nextToAsk(moving.slice(QUESTIONS), asked)

    const [only] = connectionIds.length === 1 ? asked : []
    const note = only?.waiting_for ?? only?.status ?? `${resting}/${connectionIds.length} mailboxes`
    bar.show({ ...sumProgress([...records.values()].map((record) => record.progress)), note })
    if (moving.length === 0) return connectionIds.flatMap((id) => records.get(id) ?? [])
    if (asked.some(({ status }) => !RESTING.includes(status))) await delay(POLL_MS)
  }
}

/** Those at work first, then those nobody has asked about for longest. */
function nextToAsk(others: readonly string[], asked: readonly StatusRecord[]): string[] {
  const idsOf = (isWanted: (record: StatusRecord) => boolean) =>
    asked.filter(isWanted).map((record) => record.connection_id)
  const working = idsOf(({ status }) => status !== 'queued' && !RESTING.includes(status))
  return [...working, ...others, ...idsOf(({ status }) => status === 'queued')]
}

async function statusRecord(client: ApiClient, connectionId: string): Promise<StatusRecord> {
  const record = await client.status(connectionId)
  if (record.status === 'not_started') throw new Error(`Connection ${connectionId} vanished while it was followed`)
  return record
}
