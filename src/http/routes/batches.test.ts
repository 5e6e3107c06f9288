import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_OPTIONS } from '../../extractions/options.ts'
import { Failure, StatusRecord } from '../contract.ts'
import {
  BatchMoveAnswer,
  BatchResultAnswer,
  BatchStartAnswer,
  BatchStatusAnswer,
  BatchUsersAnswer,
} from '../contract-batch.ts'
import { aServer, assertFits } from '../test-support.ts'

const BASE = '/api/emails/extract/batch'
const users = (count: number) => Array.from({ length: count }, (_, index) => `user${index}@example.com`)

async function startedBatch(user_upns: readonly string[] = users(3)) {
  const api = aServer()
  const start = (payload: object) => api.server.inject({ method: 'POST', url: `${BASE}/start`, payload })
  const { batch_id } = (await start({ user_upns })).json<{ batch_id: string }>()
  const post = (call: string) => api.server.inject({ method: 'POST', url: `${BASE}/${call}/${batch_id}` })
  const get = (call: string, query = '') => api.server.inject(`${BASE}/${call}/${batch_id}${query}`)
  const member = (index: number) => `${batch_id}:user${index}@example.com`
  return { ...api, batch_id, start, post, get, member }
}

test('a batch start is answered 202 with the id, and ids never collide', async () => {
  const { start, batch_id } = await startedBatch()
  const response = await start({ user_upns: users(2), config: { tenant_id: 't' } })
  assert.equal(response.statusCode, 202)
  assertFits(BatchStartAnswer, response.json())
  const answer = response.json()
  assert.match(answer.batch_id, /^batch_/)
  assert.notEqual(answer.batch_id, batch_id)
  assert.deepEqual(answer, {
    batch_id: answer.batch_id,
    status: 'queued',
    total_users: 2,
    message: `Batch extraction started with ID: ${answer.batch_id}`,
  })
})

test('the same user twice, case apart, counts once, and exclude is left out', async () => {
  const { start } = await startedBatch()
  const user_upns = ['a@example.com', 'A@Example.com', 'b@example.com', 'c@example.com']
  const { total_users } = (await start({ user_upns, exclude: ['B@example.com'] })).json()
  assert.equal(total_users, 2)
})

test('a batch of 100,000 users is taken in one request', async () => {
  const { start } = await startedBatch()
  const response = await start({ user_upns: users(100_000) })
  assert.equal(response.statusCode, 202)
  assert.equal(response.json().total_users, 100_000)
})

test('a group or the whole tenant is handed on to be listed', async () => {
  const { start, extractions } = await startedBatch()
  assert.equal((await start({ group_id: 'g1' })).json().total_users, 0)
  assert.equal((await start({ all_users: true, exclude: ['x@y.z'], options: { body: 'text' } })).statusCode, 202)
  const [, group, all] = extractions.submittedBatches
  assert.deepEqual(group?.source, { kind: 'group', groupId: 'g1' })
  assert.deepEqual(all?.source, { kind: 'all_users' })
  assert.deepEqual(all?.exclude, ['x@y.z'])
  assert.deepEqual(all?.options, { ...DEFAULT_OPTIONS, body: 'text' })
})

test('a batch is paused, continued and cancelled as a whole, and repeating is harmless', async () => {
  const { post } = await startedBatch()
  for (const [call, status] of [
    ['pause', 'paused'],
    ['pause', 'paused'],
    ['continue', 'queued'],
    ['continue', 'queued'],
    ['cancel', 'cancelled'],
    ['cancel', 'cancelled'],
  ] as const) {
    const response = await post(call)
    assert.equal(response.statusCode, 200)
    assertFits(BatchMoveAnswer, response.json())
    assert.equal(response.json().status, status)
  }
})

test('pausing a batch whose members run answers pausing', async () => {
  const { post, extractions, member } = await startedBatch()
  for (const index of [0, 1, 2]) extractions.force(member(index), 'in_progress')
  const response = await post('pause')
  assert.equal(response.json().status, 'pausing')
  assert.match(response.json().message, /at the next checkpoint/)
})

test('a batch that ended is a 409 with its status', async () => {
  for (const [status, calls] of [
    ['completed', ['pause', 'continue', 'cancel']],
    ['cancelled', ['pause', 'continue']],
    ['failed', ['pause', 'cancel']],
  ] as const) {
    const { post, extractions, member } = await startedBatch(users(1))
    extractions.force(member(0), status)
    for (const call of calls) {
      const response = await post(call)
      assert.equal(response.statusCode, 409)
      assertFits(Failure, response.json())
      assert.equal(response.json().code, 'move_refused')
      assert.equal(response.json().status, status)
    }
  }
})

test('an unknown batch is a 404 not_found on every call', async () => {
  const { server } = aServer()
  for (const [method, call] of [
    ['POST', 'pause'],
    ['POST', 'continue'],
    ['POST', 'cancel'],
    ['GET', 'status'],
    ['GET', 'result'],
    ['GET', 'users'],
  ] as const) {
    const response = await server.inject({ method, url: `${BASE}/${call}/batch_1234567890` })
    assert.equal(response.statusCode, 404)
    assertFits(Failure, response.json())
    assert.equal(response.json().code, 'batch_not_found')
    assert.equal(response.json().status, 'not_found')
  }
})

test('the status counts users by what became of them', async () => {
  const { get, extractions, member } = await startedBatch(users(6))
  extractions.force(member(0), 'completed')
  extractions.force(member(1), 'failed')
  extractions.force(member(2), 'cancelled')
  extractions.force(member(3), 'paused')
  extractions.force(member(4), 'in_progress')
  const response = await get('status')
  assert.equal(response.statusCode, 200)
  assertFits(BatchStatusAnswer, response.json())
  const { status, total_users, processed_users, failed_users, cancelled_users, paused_users, remaining_users } =
    response.json()
  assert.deepEqual(
    { status, total_users, processed_users, failed_users, cancelled_users, paused_users, remaining_users },
    {
      status: 'in_progress',
      total_users: 6,
      processed_users: 1,
      failed_users: 1,
      cancelled_users: 1,
      paused_users: 1,
      remaining_users: 3,
    },
  )
})

test('the result of a batch that has not ended is a 202 with its status', async () => {
  const { get } = await startedBatch()
  const response = await get('result')
  assert.equal(response.statusCode, 202)
  assert.equal(response.json().status, 'queued')
  assert.match(response.json().error, /^Result not ready/)
})

test('the result names who was copied, who failed and why, and who was cancelled', async () => {
  const { get, extractions, member } = await startedBatch()
  extractions.force(member(0), 'completed')
  extractions.force(member(1), 'failed', { error: { code: 'mailbox_not_found', message: 'There is no such mailbox' } })
  extractions.force(member(2), 'cancelled')
  const response = await get('result')
  assert.equal(response.statusCode, 200)
  assertFits(BatchResultAnswer, response.json())
  const { processed_users, failed_users, cancelled_users, errors, status } = response.json()
  assert.deepEqual(processed_users, ['user0@example.com'])
  assert.deepEqual(failed_users, ['user1@example.com'])
  assert.deepEqual(cancelled_users, ['user2@example.com'])
  assert.deepEqual(errors, {
    'user1@example.com': { code: 'mailbox_not_found', error: 'There is no such mailbox' },
  })
  assert.equal(status, 'completed')
})

test('the result of a large batch is put together from slices', async () => {
  const { get, extractions } = await startedBatch(users(2500))
  for (const row of extractions.rows) row.status = 'completed'
  const response = await get('result')
  assert.deepEqual(response.json().processed_users, users(2500))
  assert.ok(extractions.memberQueries.every(({ limit }) => limit <= 1000))
})

test('the users of a batch are paged by cursor, and filtered by status', async () => {
  const { get, extractions, member } = await startedBatch(users(250))
  extractions.force(member(7), 'failed')
  const seen: string[] = []
  let query = ''
  for (;;) {
    const answer = (await get('users', query)).json()
    assertFits(BatchUsersAnswer, answer)
    seen.push(...answer.users.map((user: StatusRecord) => user.user_upn))
    if (answer.next_cursor === null) break
    assert.equal(answer.users.length, 100)
    query = `?cursor=${answer.next_cursor}`
  }
  assert.deepEqual(seen, users(250))

  const failed = (await get('users', '?status=failed&limit=5')).json()
  assert.deepEqual(
    failed.users.map((user: StatusRecord) => user.connection_id),
    [member(7)],
  )
  assert.equal(failed.next_cursor, null)
})

test('a status or cursor that is none is a 400', async () => {
  const { get } = await startedBatch()
  for (const query of ['?status=done', '?cursor=x', '?limit=0']) {
    const response = await get('users', query)
    assert.equal(response.statusCode, 400, query)
    assertFits(Failure, response.json())
  }
})

test('every single-mailbox call works on a member', async () => {
  const { server, member } = await startedBatch()
  const response = await server.inject(`/api/emails/extract/status/${encodeURIComponent(member(1))}`)
  assertFits(StatusRecord, response.json())
  assert.equal(response.json().user_upn, 'user1@example.com')
})
