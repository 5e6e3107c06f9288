import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ApiClient, ApiError } from './client.ts'
import type { Email, StatusRecord } from './contract.ts'
import { aServer } from './test-support.ts'

async function aClient() {
  const api = aServer()
  await api.server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = api.server.server.address() as AddressInfo
  return { ...api, client: new ApiClient(`http://127.0.0.1:${port}/`), [Symbol.asyncDispose]: () => api.server.close() }
}

test('the client starts, steers and watches one mailbox, whatever its id', async () => {
  await using api = await aClient()
  const { client } = api
  for (const id of ['conn1', 'a b%😀"?#']) {
    assert.deepEqual(await client.status(id), { connection_id: id, status: 'not_started' })
    assert.equal((await client.start(id, { user_upn: 'user@example.com' })).status, 'queued')
    assert.equal((await client.pause(id)).status, 'paused')
    assert.equal((await client.continue(id)).status, 'queued')
    assert.equal((await client.cancel(id)).status, 'cancelled')
    assert.equal((await client.status(id)).status, 'cancelled')
  }
  assert.deepEqual(await client.health(), { status: 'ok', version: '1.2.3' })
})

test('the client starts, steers and reads a batch', async () => {
  await using api = await aClient()
  const { client, extractions } = api
  const { batch_id } = await client.startBatch({ user_upns: ['a@example.com', 'b@example.com'] })
  assert.equal((await client.pauseBatch(batch_id)).status, 'paused')
  assert.equal((await client.continueBatch(batch_id)).status, 'queued')
  assert.equal((await client.batchStatus(batch_id)).total_users, 2)
  await assert.rejects(client.batchResult(batch_id), { code: 'result_not_ready', status: 'queued', statusCode: 202 })
  extractions.force(`${batch_id}:a@example.com`, 'completed')
  assert.equal((await client.cancelBatch(batch_id)).status, 'cancelled')
  assert.deepEqual((await client.batchResult(batch_id)).processed_users, ['a@example.com'])
  const completed: StatusRecord[] = []
  for await (const user of client.batchUsers(batch_id, 'completed')) completed.push(user)
  assert.deepEqual(
    completed.map(({ user_upn }) => user_upn),
    ['a@example.com'],
  )
})

test('the result is one list to the caller, however many pages it takes', async () => {
  await using api = await aClient()
  const { client, extractions, emails } = api
  await client.start('conn1', { user_upn: 'user@example.com' })
  emails.count = 25
  await assert.rejects(client.result('conn1').next(), { code: 'result_not_ready', status: 'queued' })
  const partial: Email[] = []
  for await (const email of client.result('conn1', { partial: true, pageSize: 10 })) partial.push(email)
  assert.equal(partial.length, 25)
  extractions.force('conn1', 'completed')
  assert.equal((await client.result('conn1').next()).value?.id, 'm25')
})

test('a refusal is thrown with its code, status, sentence and details', async () => {
  await using api = await aClient()
  await assert.rejects(api.client.start('conn1', { user_upn: 'none' }), (error) => {
    assert.ok(error instanceof ApiError)
    assert.equal(error.code, 'invalid_request')
    assert.equal(error.statusCode, 400)
    assert.deepEqual(error.details, [error.message])
    return true
  })
  await assert.rejects(api.client.pause('conn1'), { code: 'extraction_not_found', statusCode: 404 })
})

test('a service that is not there is service_unreachable', async () => {
  const api = await aClient()
  await api[Symbol.asyncDispose]()
  await assert.rejects(api.client.health(), { code: 'service_unreachable', statusCode: 0 })
})

test('an id that a URL would resolve away is refused before it is sent', async () => {
  for (const id of ['', '.', '..']) {
    await assert.rejects(async () => new ApiClient('http://127.0.0.1:1').status(id), { code: 'invalid_request' })
  }
})
