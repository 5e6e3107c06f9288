import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Simulator, startSimulator } from './simulator.ts'
import { TestClient } from './test-client.ts'

interface BatchResponse {
  id: string
  status: number
  headers: Record<string, string>
  body: unknown
}

const INBOX = '/users/user@example.com/mailFolders/inbox'

let simulator: Simulator
let client: TestClient

before(async () => {
  simulator = await startSimulator()
  client = new TestClient(simulator)
})
after(async () => {
  await client.close()
  await simulator.close()
})

const get = (id: number, url: string, more: object = {}) => ({ id: String(id), method: 'GET', url, ...more })

async function responses(requests: object[]): Promise<Map<string, BatchResponse>> {
  const { status, body } = await client.batch(requests)
  assert.equal(status, 200)
  return new Map((body.responses as BatchResponse[]).map((response) => [response.id, response]))
}

test('twenty requests are answered, in another order than they were asked', async () => {
  const answers = await responses(Array.from({ length: 20 }, (_, id) => get(id, `${INBOX}?$select=id`)))
  assert.equal(answers.size, 20)
  assert.ok([...answers.values()].every(({ status }) => status === 200))
  assert.notDeepEqual(
    [...answers.keys()],
    Array.from({ length: 20 }, (_, id) => String(id)),
  )
})

test('too many, none, equal ids, nested batches and nonsense are refused as a whole', async () => {
  const url = `${INBOX}?$select=id`
  for (const requests of [
    [],
    Array.from({ length: 21 }, (_, id) => get(id, url)),
    [
      { id: 'a', method: 'GET', url },
      { id: 'A', method: 'GET', url },
    ],
    [get(1, '/$batch')],
    [get(1, `https://graph.microsoft.com/v1.0${url}`)],
    [{ id: 1 }],
    [{ ...get(1, url), body: {} }],
  ]) {
    assert.equal((await client.batch(requests)).status, 400, JSON.stringify(requests))
  }
})

test('items have their own headers, errors and links; what is no JSON comes as base64', async () => {
  const immutable = { headers: { Prefer: 'IdType="ImmutableId"' } }
  const answers = await responses([
    get(1, `${INBOX}/messages?$top=2`, immutable),
    get(2, '/users/nobody'),
    get(3, `${INBOX}/messages/$count`),
  ])
  const page = answers.get('1')?.body as { value: { id: string }[]; '@odata.nextLink': string }
  assert.ok(page.value[0]?.id.startsWith('AAkA'))
  assert.ok(page['@odata.nextLink'].startsWith(`${simulator.url}/v1.0/`))
  assert.equal((await client.get(page['@odata.nextLink'])).status, 200)
  assert.equal(answers.get('1')?.headers['Preference-Applied'], 'IdType=ImmutableId')
  assert.equal(answers.get('2')?.status, 404)
  assert.ok(Number(Buffer.from(String(answers.get('3')?.body), 'base64')) > 0)
})

test('a request whose forerunner failed is not made', async () => {
  const answers = await responses([
    get(1, '/users/nobody'),
    get(2, INBOX, { dependsOn: ['1'] }),
    get(3, INBOX, { dependsOn: ['2'] }),
  ])
  assert.deepEqual(
    ['1', '2', '3'].map((id) => answers.get(id)?.status),
    [404, 424, 424],
  )
})

test('at most four items run at once, each counts, and a throttled one has its own Retry-After', async () => {
  simulator.resetStats()
  await responses(Array.from({ length: 12 }, (_, id) => get(id, INBOX)))
  const { max_in_flight, violations, mailboxes } = simulator.stats()
  assert.ok(max_in_flight <= 4 && violations === 0)
  assert.equal(Object.values(mailboxes).find(({ user_upn }) => user_upn === 'user@example.com')?.requests, 12)

  simulator.faults.add({ match: { nth: 1, user: 'user@example.com' }, effect: { gate: 'held' } })
  const held = client.get(INBOX)
  await simulator.gates.whenWaiting('held')
  simulator.faults.add({ match: { kind: 'folder' }, effect: { gate: 'items' } })
  const batch = responses(Array.from({ length: 4 }, (_, id) => get(id, INBOX)))
  await simulator.gates.whenWaiting('items', 3)
  simulator.gates.open('items')
  const throttled = [...(await batch).values()].filter(({ status }) => status === 429)
  assert.deepEqual(
    throttled.map(({ headers }) => headers['Retry-After']),
    ['1'],
  )
  simulator.gates.open('held')
  await held
  simulator.faults.clear()
})

test('attachments and MIME are had by batch as they are had alone: lists as JSON, bytes as base64', async () => {
  const messages = '/users/user@example.com/messages'
  const { items } = await client.walk(`${messages}?$select=id&$filter=hasAttachments eq true&$top=100`)
  const chosen = items.slice(0, 10)
  const answers = await responses(
    chosen.flatMap(({ id }, index) => [
      get(index, `${messages}/${id}/attachments`),
      get(index + 10, `${messages}/${id}/$value`),
    ]),
  )
  for (const [index, { id }] of chosen.entries()) {
    assert.deepEqual(answers.get(String(index))?.body, (await client.get(`${messages}/${id}/attachments`)).body)
    const mime = answers.get(String(index + 10))
    assert.equal(mime?.headers['Content-Type'], 'text/plain')
    assert.ok(Buffer.from(String(mime?.body), 'base64').equals((await client.bytes(`${messages}/${id}/$value`)).bytes))
  }
})

test('faults strike single parts of a batch, or spare them', async () => {
  const [message] = (await client.get('/users/user@example.com/messages?$select=id&$top=1')).body.value
  const path = `/users/user@example.com/messages/${message?.id}/attachments`
  const headers = { 'Retry-After': '7' }
  simulator.faults.add({ match: { kind: 'attachments', in_batch: true, nth: 2 }, effect: { status: 429, headers } })
  assert.equal((await client.get(path)).status, 200)
  simulator.resetStats()
  const answers = [...(await responses(Array.from({ length: 6 }, (_, id) => get(id, path)))).values()]
  const throttled = answers.filter(({ status }) => status === 429)
  assert.deepEqual(
    throttled.map(({ headers }) => headers['Retry-After']),
    ['7'],
  )
  const { batch_parts, by_kind, requests } = simulator.stats()
  assert.deepEqual(
    { batch_parts, by_kind, requests },
    { batch_parts: 6, by_kind: { attachments: 6, batch: 1 }, requests: 7 },
  )

  simulator.faults.clear()
  simulator.faults.add({ match: { kind: 'attachments', in_batch: false }, effect: { status: 503 } })
  assert.equal((await client.get(path)).status, 503)
  assert.equal((await responses([get(1, path)])).get('1')?.status, 200)
  simulator.faults.clear()
  simulator.faults.add({ match: { kind: 'attachments', nth: 1 }, effect: { truncate: 0 } })
  simulator.faults.add({ match: { kind: 'attachments', nth: 2 }, effect: { stall: 5 } })
  const broken = await responses([get(1, path), get(2, path)])
  assert.deepEqual(
    [...broken.values()].map(({ status }) => status),
    [504, 504],
  )
  simulator.faults.clear()
  simulator.faults.add({ match: { kind: 'mime' }, effect: { truncate: 0 } })
  const empty = (await responses([get(1, path.replace('attachments', '$value'))])).get('1')
  assert.deepEqual([empty?.status, empty?.body], [200, ''])
  simulator.faults.clear()
})
