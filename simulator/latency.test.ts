import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSimulator } from './simulator.ts'
import { TestClient } from './test-client.ts'

const INBOX = '/users/slow@example.com/mailFolders/inbox'
const SLOW = {
  demo: false,
  mailboxes: [{ name: 'slow', messages: 250 }],
  latencyMs: 2,
  latencyPerMessageMs: 0.01,
  prepared: true,
}

test('an answer takes longer for every message in it, a tenth of that without its body, and the sum is told', async () => {
  await using simulator = await startSimulator(SLOW)
  await using client = new TestClient(simulator)
  await client.login()
  const costOf = async (path: string) => {
    simulator.resetStats()
    assert.equal((await client.get(path)).status, 200)
    return simulator.stats().latency_ms.toFixed(3)
  }
  assert.equal(await costOf(INBOX), '2.000')
  assert.equal(await costOf(`${INBOX}/messages?$top=200`), '4.000')
  assert.equal(await costOf(`${INBOX}/messages?$top=200&$select=id`), '2.200')
  assert.equal(await costOf(`${INBOX}/messages/delta?$select=id,body`), '2.100')
})

test('pages are prepared without waiting', async () => {
  await using simulator = await startSimulator(SLOW)
  assert.equal(await simulator.prepare(`/v1.0${INBOX}/messages/delta?$select=subject,body`), 250)
  assert.equal(simulator.stats().latency_ms, 0)
})
