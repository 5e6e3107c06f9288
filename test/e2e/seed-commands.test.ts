import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectCopy } from '../support/copies.ts'
import { curl } from '../support/curl.ts'
import { Service, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

// The commands that stand in the README of the module before this one; users have them in their scripts.
// They bring the whole configuration, so the service has none; its three values are the reader's own.
const WITHOUT = { TENANT_ID: '', OUTLOOK_CLIENT_ID: '', OUTLOOK_CLIENT_SECRET: '' }

const START = `curl -X POST http://localhost:3006/api/emails/extract/start/conn1 \\
  -H "Content-Type: application/json" \\
  -d '{
    "user_upn": "user@example.com",
    "config": {
      "tenant_id": "your_tenant_id",
      "outlook_client_id": "your_client_id",
      "outlook_client_secret": "your_client_secret"
    }
  }'`

const START_BATCH = `curl -X POST http://localhost:3006/api/emails/extract/batch/start \\
  -H "Content-Type: application/json" \\
  -d '{
    "user_upns": ["user1@example.com", "user2@example.com"],
    "config": {
      "tenant_id": "your_tenant_id",
      "outlook_client_id": "your_client_id",
      "outlook_client_secret": "your_client_secret"
    }
  }'`

let simulator: Simulator
let folder: TempFolder
let service: Service

before(async () => {
  simulator = await startSimulator()
  folder = new TempFolder()
  service = await Service.start(simulator, folder, WITHOUT)
})

after(async () => {
  await service[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
  await simulator.close()
})

/** Runs it with the port and the values that the test has, and reads the JSON that it answers. */
async function run(command: string): Promise<{ status: number; answer: Record<string, unknown> }> {
  const { port } = new URL(service.url)
  const filled = command
    .replace('localhost:3006', `localhost:${port}`)
    .replace('your_tenant_id', simulator.tenantId)
    .replace('your_client_id', simulator.clientId)
    .replace('your_client_secret', simulator.clientSecret)
  const { status, body } = await curl(filled)
  return { status, answer: JSON.parse(body) }
}

const call = (method: 'GET' | 'POST', path: string) =>
  run(`curl ${method === 'POST' ? '-X POST ' : ''}http://localhost:3006/api/emails/extract/${path}`)

test('one mailbox is started, paused, continued and read with the commands of the seed', async () => {
  simulator.faults.add({ match: { kind: 'delta' }, effect: { gate: 'single' } })
  const started = await run(START)
  assert.equal(started.status, 202)
  assert.equal(started.answer.connection_id, 'conn1')
  assert.equal(started.answer.user_upn, 'user@example.com')
  assert.equal(started.answer.message, 'Extraction started')
  await simulator.gates.whenWaiting('single')
  assert.equal((await run(START)).status, 409, 'it is under way')
  assert.equal((await call('GET', 'result/conn1')).status, 202, 'there is no result yet')

  assert.equal((await call('POST', 'pause/conn1')).status, 200)
  await untilStatus(service.client, 'conn1', 'paused')
  assert.equal((await call('GET', 'status/conn1')).answer.status, 'paused')
  simulator.faults.clear()
  simulator.gates.open('single')
  assert.equal((await call('POST', 'continue/conn1')).status, 200)
  await untilStatus(service.client, 'conn1', 'completed')

  const { status, answer } = await call('GET', 'result/conn1')
  assert.equal(status, 200)
  assert.equal((answer.emails as object[]).length, answer.total)
  await assertPerfectCopy(simulator, folder, 'user@example.com')

  const cancelled = await call('POST', 'cancel/conn1')
  assert.equal(cancelled.status, 409, 'it has ended')
  assert.equal(cancelled.answer.code, 'move_refused')
})

test('a batch is started, paused, continued and read with the commands of the seed', async () => {
  simulator.faults.add({ match: { kind: 'delta' }, effect: { gate: 'batch' } })
  const started = await run(START_BATCH)
  assert.equal(started.status, 202)
  assert.equal(started.answer.total_users, 2)
  const id = String(started.answer.batch_id)
  assert.match(id, /^batch_/)
  await simulator.gates.whenWaiting('batch', 2)

  assert.equal((await call('POST', `batch/pause/${id}`)).status, 200)
  await untilBatch(id, 'paused')
  assert.equal((await call('GET', `batch/result/${id}`)).status, 202, 'there is no result yet')
  simulator.faults.clear()
  simulator.gates.open('batch')
  assert.equal((await call('POST', `batch/continue/${id}`)).status, 200)
  const { answer } = await untilBatch(id, 'completed')
  assert.equal(answer.processed_users, 2)

  const result = await call('GET', `batch/result/${id}`)
  assert.equal(result.status, 200)
  assert.deepEqual(result.answer.processed_users, ['user1@example.com', 'user2@example.com'])
  await assertPerfectCopy(simulator, folder, 'user1@example.com')
  await assertPerfectCopy(simulator, folder, 'user2@example.com')
})

test('a batch is cancelled with the command of the seed, and cannot be continued', async () => {
  simulator.faults.add({ match: { kind: 'delta' }, effect: { gate: 'cancel' } })
  const id = String((await run(START_BATCH)).answer.batch_id)
  await simulator.gates.whenWaiting('cancel', 2)
  assert.equal((await call('POST', `batch/cancel/${id}`)).status, 200)
  await untilBatch(id, 'cancelled')
  simulator.faults.clear()
  simulator.gates.open('cancel')
  const { status, answer } = await call('POST', `batch/continue/${id}`)
  assert.equal(status, 409)
  assert.match(String(answer.error), /cannot be resumed/)
})

test('a batch id that stands in the seed and was never given is not found', async () => {
  const { status, answer } = await call('GET', 'batch/status/batch_1234567890')
  assert.equal(status, 404)
  assert.equal(answer.status, 'not_found')
})

function untilBatch(id: string, wanted: string) {
  return until(`batch ${id} to be ${wanted}`, async () => {
    const answered = await call('GET', `batch/status/${id}`)
    return answered.answer.status === wanted ? answered : undefined
  })
}
