import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { TestClient } from '../../simulator/test-client.ts'
import type { ApiClient } from '../../src/http/client.ts'
import type { BatchStatusAnswer } from '../../src/http/contract-batch.ts'
import { assertPerfectCopy, stored } from '../support/copies.ts'
import { aPlace, onEachDatabase } from '../support/place.ts'
import { Service } from '../support/service.ts'
import { until } from '../support/wait.ts'

const SMALL = ['user@example.com', 'user1@example.com', 'user2@example.com', 'empty@contoso.example']

function untilBatch(
  client: ApiClient,
  id: string,
  ...wanted: BatchStatusAnswer['status'][]
): Promise<BatchStatusAnswer> {
  return until(`batch ${id} to be ${wanted.join(' or ')}`, async () => {
    const batch = await client.batchStatus(id)
    return wanted.includes(batch.status) ? batch : undefined
  })
}

/** A world in which every mailbox answers its first page of mail only when the gate is opened. */
async function aHeldWorld(options: Parameters<typeof startSimulator>[0] = {}) {
  const simulator = await startSimulator(options)
  simulator.faults.add({ match: { kind: 'delta' }, effect: { gate: 'mail' } })
  return simulator
}

onEachDatabase((database) => {
  test('a batch copies every mailbox, tells failed ones apart with the reason, and sums up', async () => {
    await using simulator = await startSimulator()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    const failing = ['nobody@contoso.example', 'blocked@contoso.example', 'onprem@contoso.example']
    const start = await service.client.startBatch({ user_upns: [...SMALL, ...failing, 'USER@example.com'] })
    assert.equal(start.total_users, SMALL.length + failing.length, 'the same user twice, case apart, counts once')

    const batch = await untilBatch(service.client, start.batch_id, 'completed')
    assert.equal(batch.processed_users, SMALL.length)
    assert.equal(batch.failed_users, failing.length)
    assert.equal(batch.remaining_users, 0)
    for (const mailbox of SMALL.slice(0, 3)) await assertPerfectCopy(simulator, place, mailbox)

    const result = await service.client.batchResult(start.batch_id)
    assert.deepEqual(result.processed_users, SMALL)
    assert.deepEqual(result.failed_users, failing)
    assert.equal(result.errors['nobody@contoso.example']?.code, 'mailbox_not_found')
    assert.equal(result.errors['blocked@contoso.example']?.code, 'mailbox_access_blocked')
    assert.equal(result.errors['onprem@contoso.example']?.code, 'mailbox_unavailable')
    assert.equal(result.totals.messages_stored, batch.progress.messages_stored)
  })

  test('every call for one mailbox works on a member of a batch', async () => {
    await using simulator = await startSimulator()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    const { batch_id } = await service.client.startBatch({ user_upns: SMALL })
    await untilBatch(service.client, batch_id, 'completed')
    const record = await service.client.status(`${batch_id}:user@example.com`)
    assert.equal(record.status, 'completed')
    const ids: string[] = []
    for await (const email of service.client.result(`${batch_id}:user@example.com`)) ids.push(email.id)
    assert.deepEqual(ids.sort(), [...(await stored(place, 'user@example.com')).live.keys()].sort())
  })

  test('no more mailboxes are copied at once than MAILBOX_CONCURRENCY says', async () => {
    await using simulator = await aHeldWorld()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place, { MAILBOX_CONCURRENCY: '2' })
    const { batch_id } = await service.client.startBatch({ user_upns: SMALL })
    await simulator.gates.whenWaiting('mail', 2)
    const records = []
    for await (const record of service.client.batchUsers(batch_id)) records.push(record.status)
    assert.deepEqual(records, ['in_progress', 'in_progress', 'queued', 'queued'])
    simulator.gates.open('mail')
    await untilBatch(service.client, batch_id, 'completed')
  })

  test('a paused batch stays paused over a restart, and continues to the end', async () => {
    await using simulator = await aHeldWorld()
    await using place = await aPlace(database)
    const first = await Service.start(simulator, place, { MAILBOX_CONCURRENCY: '2' })
    const { batch_id } = await first.client.startBatch({ user_upns: SMALL })
    await simulator.gates.whenWaiting('mail', 2)
    await first.client.pauseBatch(batch_id)
    const paused = await untilBatch(first.client, batch_id, 'paused')
    assert.equal(paused.paused_users, SMALL.length)
    await first.stop('SIGKILL')

    await using second = await Service.start(simulator, place)
    assert.equal((await second.client.batchStatus(batch_id)).status, 'paused')
    simulator.gates.open('mail')
    await second.client.continueBatch(batch_id)
    const batch = await untilBatch(second.client, batch_id, 'completed')
    assert.equal(batch.processed_users, SMALL.length)
    await assert.rejects(second.client.continueBatch(batch_id), { statusCode: 409 })
  })

  test('a cancelled batch ends, keeps what is stored, and cannot be continued', async () => {
    await using simulator = await aHeldWorld()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place, { MAILBOX_CONCURRENCY: '2' })
    const { batch_id } = await service.client.startBatch({ user_upns: SMALL })
    await simulator.gates.whenWaiting('mail', 2)
    await service.client.cancelBatch(batch_id)
    const batch = await untilBatch(service.client, batch_id, 'cancelled')
    assert.equal(batch.cancelled_users, SMALL.length)
    assert.equal((await service.client.cancelBatch(batch_id)).status, 'cancelled', 'repeating is harmless')
    await assert.rejects(service.client.continueBatch(batch_id), { statusCode: 409, message: /cannot be resumed/ })
  })

  test('continuing a batch that failed as a whole tries its members again', async () => {
    await using simulator = await startSimulator()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    const mailbox = 'user@example.com'
    const denied = { scope: 'mail', status: 403, code: 'ErrorAccessDenied', message: 'Access is denied.' } as const
    simulator.mutate({ user: mailbox, type: 'refuse', refusal: denied })
    const { batch_id } = await service.client.startBatch({ user_upns: [mailbox] })
    await untilBatch(service.client, batch_id, 'failed')
    simulator.mutate({ user: mailbox, type: 'refuse', refusal: null })
    await service.client.continueBatch(batch_id)
    await untilBatch(service.client, batch_id, 'completed')
    await assertPerfectCopy(simulator, place, mailbox)
  })

  test('a group stands for its members at every depth, and the whole tenant for its users without guests', async () => {
    await using simulator = await startSimulator({ mailboxes: [{ name: 'extra@contoso.example', messages: 3 }] })
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    const group_id = await groupNamed(simulator, 'Everybody')
    const group = await service.client.startBatch({ group_id, exclude: ['USER1@example.com'] })
    const ended = await untilBatch(service.client, group.batch_id, 'completed')
    assert.ok(ended.total_users > 1)

    const all = await service.client.startBatch({ all_users: true, options: { folders: { include: ['drafts'] } } })
    await untilBatch(service.client, all.batch_id, 'completed', 'in_progress')
    await until('everybody to be listed', async () => {
      const names: string[] = []
      for await (const record of service.client.batchUsers(all.batch_id)) names.push(record.user_upn)
      return names.includes('extra@contoso.example') || undefined
    })
    for await (const record of service.client.batchUsers(all.batch_id)) assert.doesNotMatch(record.user_upn, /#EXT#/)
    await service.client.cancelBatch(all.batch_id)

    const nobody = await service.client.startBatch({ group_id: 'no-such-group' })
    const failed = await untilBatch(service.client, nobody.batch_id, 'failed')
    assert.match(String(failed.error), /group/i)
  })

  test('a batch of 100,000 users is taken in one request and survives a restart', async () => {
    await using simulator = await startSimulator({ demo: false })
    simulator.faults.add({ match: { kind: 'token' }, effect: { gate: 'login' } })
    await using place = await aPlace(database)
    const first = await Service.start(simulator, place)
    const user_upns = Array.from({ length: 100_000 }, (_, n) => `user${n}@tenant.example`)
    const start = await first.client.startBatch({ user_upns })
    assert.equal(start.total_users, 100_000)
    await first.stop('SIGKILL')

    await using second = await Service.start(simulator, place)
    const batch = await second.client.batchStatus(start.batch_id)
    assert.equal(batch.remaining_users, 100_000)
    await second.client.cancelBatch(start.batch_id)
    const cancelled = await untilBatch(second.client, start.batch_id, 'cancelled')
    assert.equal(cancelled.cancelled_users, 100_000)
  })
})

async function groupNamed(simulator: Simulator, name: string): Promise<string> {
  await using graph = new TestClient(simulator)
  await graph.login()
  const groups = (await graph.get('/groups')).body.value
  const group = groups.find(({ displayName }) => displayName === name)
  assert.ok(group)
  return group.id
}
