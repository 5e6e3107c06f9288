import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSimulator } from './simulator.ts'
import { TestClient } from './test-client.ts'

const INBOX = '/users/user@example.com/mailFolders/inbox'

test('the fifth request in flight on a mailbox is refused, other mailboxes are not', async () => {
  await using simulator = await startSimulator()
  await using client = new TestClient(simulator)
  await client.login()
  simulator.faults.add({ match: { user: 'user@example.com', times: 4 }, effect: { gate: 'held' } })
  const held = Array.from({ length: 4 }, () => client.get(INBOX))
  await simulator.gates.whenWaiting('held', 4)
  const fifth = await client.get(INBOX)
  assert.deepEqual(
    [fifth.status, fifth.body.error.code, fifth.headers['retry-after']],
    [429, 'ApplicationThrottled', '1'],
  )
  assert.match(fifth.body.error.message, /MailboxConcurrency/)
  assert.equal((await client.get('/users/user1@example.com/mailFolders/inbox')).status, 200)
  simulator.gates.open('held')
  assert.deepEqual(
    (await Promise.all(held)).map(({ status }) => status),
    [200, 200, 200, 200],
  )
  assert.equal((await client.get(INBOX)).status, 200)
  const { max_in_flight, violations } = simulator.stats()
  assert.deepEqual([max_in_flight, violations], [5, 1])
})

test('four at a time are never refused, however fast they follow each other', async () => {
  await using simulator = await startSimulator()
  await using client = new TestClient(simulator)
  await client.login()
  const lane = async () => {
    for (let round = 0; round < 50; round++) assert.equal((await client.get(INBOX)).status, 200)
  }
  await Promise.all([lane(), lane(), lane(), lane()])
  assert.equal(simulator.stats().violations, 0)
})

test('requests above the quota of a sliding window are refused until the window has moved on', async () => {
  let time = Date.UTC(2026, 0, 1)
  await using simulator = await startSimulator({
    now: () => time,
    limits: { requests: 5 },
    tokenLifetimeSeconds: 86_400,
  })
  await using client = new TestClient(simulator)
  const status = async () => (await client.get(INBOX)).status
  for (let request = 0; request < 5; request++) assert.equal(await status(), 200)
  time += 599_000
  const refused = await client.get(INBOX)
  assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '10'])
  time += 1000
  // The refused request counted as well.
  for (let request = 0; request < 4; request++) assert.equal(await status(), 200)
  assert.equal(await status(), 429)
})

test('without limits nothing is refused, but everything is recorded', async () => {
  await using simulator = await startSimulator({ limits: false })
  await using client = new TestClient(simulator)
  await client.login()
  simulator.faults.add({ effect: { gate: 'held' } })
  const held = Array.from({ length: 6 }, () => client.get(INBOX))
  await simulator.gates.whenWaiting('held', 6)
  simulator.gates.open('held')
  assert.ok((await Promise.all(held)).every(({ status }) => status === 200))
  assert.deepEqual([simulator.stats().max_in_flight, simulator.stats().violations], [6, 2])
})
