import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { ApiClient } from '../../src/http/client.ts'
import type { StatusRecord } from '../../src/http/contract.ts'

/** Far longer than anything takes: a test that waits for what never comes ends with a reason. */
const GIVE_UP_MS = 60_000

/**
 * Asks until the answer is there; each question costs a round trip, so this neither sleeps nor spins.
 * @param pollMs between two questions, where asking takes time from those who are waited for
 */
export async function until<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined>,
  { pollMs = 0 } = {},
): Promise<Answer> {
  const end = Date.now() + GIVE_UP_MS
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    assert.ok(Date.now() < end, `waited in vain for ${what}`)
    await setTimeout(pollMs)
  }
}

/** The record once the extraction has one of these statuses. */
export function untilStatus(
  client: ApiClient,
  connectionId: string,
  ...wanted: StatusRecord['status'][]
): Promise<StatusRecord> {
  return until(`${connectionId} to be ${wanted.join(' or ')}`, async () => {
    const record = await client.status(connectionId)
    if (record.status === 'not_started') return undefined
    if (wanted.includes(record.status)) return record
    const isStuck = ['completed', 'cancelled', 'failed'].includes(record.status)
    assert.ok(!isStuck, `${connectionId} is ${record.status}, not ${wanted.join(' or ')}: ${record.error}`)
    return undefined
  })
}
