import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXTRACTION_STATUSES, type ExtractionStatus } from '../../extractions/extraction-status.ts'
import { DEFAULT_OPTIONS } from '../../extractions/options.ts'
import { Failure, MoveAnswer, NotStarted, StartAnswer, StatusRecord } from '../contract.ts'
import { aServer, assertFits } from '../test-support.ts'

const BASE = '/api/emails/extract'
const body = {
  user_upn: 'user@example.com',
  config: {
    tenant_id: 'your_tenant_id',
    outlook_client_id: 'your_client_id',
    outlook_client_secret: 'your_client_secret',
  },
}

function startedServer() {
  const api = aServer()
  const start = (payload: object = body, id = 'conn1') =>
    api.server.inject({ method: 'POST', url: `${BASE}/start/${id}`, payload })
  const post = (call: string, id = 'conn1') => api.server.inject({ method: 'POST', url: `${BASE}/${call}/${id}` })
  const get = (call: string, id = 'conn1') => api.server.inject({ method: 'GET', url: `${BASE}/${call}/${id}` })
  return { ...api, start, post, get }
}

test('a start is answered 202 with the new extraction, and wakes the engine', async () => {
  const { start, extractions, engine } = startedServer()
  const response = await start()
  assert.equal(response.statusCode, 202)
  assertFits(StartAnswer, response.json())
  const { extraction_id, ...rest } = response.json()
  assert.deepEqual(rest, {
    connection_id: 'conn1',
    user_upn: 'user@example.com',
    status: 'queued',
    message: 'Extraction started',
  })
  assert.equal(extraction_id, extractions.rows[0]?.id)
  assert.equal(engine.wakes, 1)
})

test('a start hands on the credentials of the request and the default options', async () => {
  const { start, extractions } = startedServer()
  await start()
  const [submitted] = extractions.submitted
  assert.deepEqual(submitted?.credentials, {
    tenantId: 'your_tenant_id',
    clientId: 'your_client_id',
    clientSecret: 'your_client_secret',
  })
  assert.deepEqual(submitted?.options, DEFAULT_OPTIONS)
})

test('a start without config leaves every credential to the environment', async () => {
  const { start, extractions } = startedServer()
  assert.equal((await start({ user_upn: 'user@example.com' })).statusCode, 202)
  assert.deepEqual(extractions.submitted[0]?.credentials, {})
})

test('options are handed on in our words', async () => {
  const { start, extractions } = startedServer()
  const received = { received_after: '2026-01-31T08:15:00.5+01:00', received_before: '2026-03-01' }
  const options = { folders: { include: ['Inbox'] }, body: 'both', attachments: 'none', mime: true, ...received }
  assert.equal((await start({ ...body, options })).statusCode, 202)
  assert.deepEqual(extractions.submitted[0]?.options, {
    folders: { include: ['Inbox'], exclude: [] },
    body: 'both',
    attachments: 'none',
    mime: true,
    includeHidden: true,
    includeRecoverable: false,
    receivedAfter: '2026-01-31T07:15:01Z',
    receivedBefore: '2026-03-01T00:00:00Z',
    only: 'everything',
  })
})

test('user_upn is accepted inside config, and beside it where both agree', async () => {
  const { start } = startedServer()
  const config = { ...body.config, user_upn: 'User@Example.com' }
  assert.equal((await start({ config }, 'a')).statusCode, 202)
  assert.equal((await start({ user_upn: 'user@example.com', config }, 'b')).statusCode, 202)
})

test('a start while an extraction has not ended is a 409 with its status', async () => {
  for (const status of ['queued', 'in_progress', 'pausing', 'paused', 'cancelling'] as const) {
    const { start, extractions } = startedServer()
    await start()
    extractions.force('conn1', status)
    const response = await start()
    assert.equal(response.statusCode, 409, status)
    assertFits(Failure, response.json())
    assert.equal(response.json().code, 'extraction_active')
    assert.equal(response.json().status, status)
  }
})

test('a start after an end is a new extraction', async () => {
  for (const status of ['completed', 'cancelled', 'failed'] as const) {
    const { start, extractions } = startedServer()
    const first = (await start()).json()
    extractions.force('conn1', status)
    const second = await start()
    assert.equal(second.statusCode, 202)
    assert.notEqual(second.json().extraction_id, first.extraction_id)
  }
})

test('a connection stays with its mailbox', async () => {
  const { start, extractions } = startedServer()
  await start()
  extractions.force('conn1', 'completed')
  const response = await start({ ...body, user_upn: 'other@example.com' })
  assert.equal(response.statusCode, 409)
  assert.equal(response.json().code, 'connection_bound')
})

/** What each call comes to in each status: the status afterwards, or the 409. */
const MOVES: Record<'pause' | 'continue' | 'cancel', Record<ExtractionStatus, ExtractionStatus | 409>> = {
  pause: {
    queued: 'paused',
    in_progress: 'pausing',
    pausing: 'pausing',
    paused: 'paused',
    cancelling: 409,
    cancelled: 409,
    completed: 409,
    failed: 409,
  },
  continue: {
    queued: 409,
    in_progress: 409,
    pausing: 'in_progress',
    paused: 'queued',
    cancelling: 409,
    cancelled: 409,
    completed: 409,
    failed: 'queued',
  },
  cancel: {
    queued: 'cancelled',
    in_progress: 'cancelling',
    pausing: 'cancelling',
    paused: 'cancelled',
    cancelling: 'cancelling',
    cancelled: 'cancelled',
    completed: 409,
    failed: 409,
  },
}

for (const move of ['pause', 'continue', 'cancel'] as const) {
  for (const from of EXTRACTION_STATUSES) {
    const expected = MOVES[move][from]
    test(`${move} of an extraction that is ${from} is answered ${expected === 409 ? 409 : `200 ${expected}`}`, async () => {
      const { start, post, extractions } = startedServer()
      await start()
      extractions.force('conn1', from)
      const response = await post(move)
      const answer = response.json()
      assertFits(expected === 409 ? Failure : MoveAnswer, answer)
      assert.equal(response.statusCode, expected === 409 ? 409 : 200)
      assert.equal(answer.status, expected === 409 ? from : expected)
      if (expected === 409) assert.equal(answer.code, 'move_refused')
    })
  }

  test(`${move} of a connection never started is a 404`, async () => {
    const response = await startedServer().post(move)
    assert.equal(response.statusCode, 404)
    assert.equal(response.json().code, 'extraction_not_found')
  })
}

test('what is completed or cancelled says why it cannot be continued', async () => {
  const { start, post, extractions } = startedServer()
  await start()
  extractions.force('conn1', 'completed')
  assert.equal((await post('continue')).json().error, 'Cancelled or completed tasks cannot be resumed')
})

test('the status of a connection never started is 200 not_started', async () => {
  const response = await startedServer().get('status')
  assert.equal(response.statusCode, 200)
  assertFits(NotStarted, response.json())
  assert.deepEqual(response.json(), { connection_id: 'conn1', status: 'not_started' })
})

test('the status is the whole record, with progress', async () => {
  const { start, get, extractions } = startedServer()
  await start()
  extractions.force('conn1', 'failed', { error: { code: 'mailbox_not_found', message: 'There is no such mailbox' } })
  const response = await get('status')
  assert.equal(response.statusCode, 200)
  assertFits(StatusRecord, response.json())
  assert.equal(response.json().error, 'There is no such mailbox')
  assert.equal(response.json().error_code, 'mailbox_not_found')
})
