import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { ControlClient } from './control-client.ts'
import type { FaultEffect } from './faults.ts'
import { type Simulator, startSimulator } from './simulator.ts'
import { TestClient } from './test-client.ts'
import type { TruthLine } from './truth.ts'

const UPN = 'user@example.com'
const MESSAGES = `/users/${UPN}/mailFolders/inbox/messages`
const DELTA = `${MESSAGES}/delta`

let simulator: Simulator
let client: TestClient
let control: ControlClient

before(async () => {
  simulator = await startSimulator()
  client = new TestClient(simulator)
  control = new ControlClient(simulator.url, simulator.ca)
  await client.login()
})
afterEach(() => simulator.faults.clear())
after(async () => {
  await control.close()
  await client.close()
  await simulator.close()
})

async function once(effect: FaultEffect) {
  await control.clearFaults()
  await control.addFaults({ match: { user: UPN, times: 1 }, effect })
}

test('any status comes with the code and the headers that are wanted, or with those usual for it', async () => {
  const date = new Date(Date.UTC(2030, 0, 1)).toUTCString()
  for (const retryAfter of ['7', '2.128', date, '999999999', '-3', 'soon']) {
    await once({ status: 429, headers: { 'Retry-After': retryAfter } })
    const answer = await client.get(MESSAGES)
    assert.deepEqual(
      [answer.status, answer.headers['retry-after'], answer.body.error.code],
      [429, retryAfter, 'TooManyRequests'],
    )
  }
  for (const [status, code] of [
    [401, 'InvalidAuthenticationToken'],
    [410, 'SyncStateNotFound'],
    [500, 'InternalServerError'],
    [502, 'BadGateway'],
    [503, 'ErrorServerBusy'],
    [504, 'UnknownError'],
    [509, 'BandwidthLimitExceeded'],
  ] as const) {
    await once({ status })
    const answer = await client.get(MESSAGES)
    assert.deepEqual([answer.status, answer.body.error.code, answer.headers['retry-after']], [status, code, undefined])
    assert.equal((await client.get(MESSAGES)).status, 200)
  }
  await once({ status: 503, code: 'ErrorMailboxMoveInProgress', message: 'Mailbox move in progress. Try again later.' })
  assert.equal((await client.get(MESSAGES)).body.error.code, 'ErrorMailboxMoveInProgress')
  await once({ status: 404, empty_body: true })
  const empty = await client.get(MESSAGES)
  assert.deepEqual([empty.status, empty.text], [404, ''])
})

test('connections break: before the answer, in the middle of it, or with half a document', async () => {
  await once({ reset: true })
  await assert.rejects(client.get(MESSAGES))
  for (const chunked of [false, true]) {
    await once({ cut: { after: 500, chunked } })
    await assert.rejects(client.get(MESSAGES))
  }
  await once({ broken_json: true })
  await assert.rejects(client.get(MESSAGES), SyntaxError)
  assert.equal((await client.get(MESSAGES)).status, 200)
})

test('an answer that hangs ends with the client, and frees its place', async () => {
  await once({ hang: true, gate: 'hanging' })
  const gone = new TestClient(simulator)
  await gone.login()
  const hanging = assert.rejects(gone.get(MESSAGES))
  await simulator.gates.whenWaiting('hanging')
  simulator.gates.open('hanging')
  await gone.close()
  await hanging
  assert.equal((await client.get(MESSAGES)).status, 200)
})

test('rules strike the nth request, every nth, by chance, or so many times', async () => {
  const statuses = async (count: number) => {
    const found: number[] = []
    for (let request = 0; request < count; request++) found.push((await client.get(`${MESSAGES}?$top=1`)).status)
    return found
  }
  simulator.faults.add({ match: { path: 'inbox', nth: 2 }, effect: { status: 500 } })
  assert.deepEqual(await statuses(3), [200, 500, 200])
  simulator.faults.clear()
  simulator.faults.add({ match: { kind: 'messages', every: 3, times: 2 }, effect: { status: 503 } })
  assert.deepEqual(await statuses(9), [200, 200, 503, 200, 200, 503, 200, 200, 200])
  simulator.faults.clear()
  const rule = { match: { probability: 0.5, seed: 7 }, effect: { status: 502 } }
  simulator.faults.add(rule)
  const first = await statuses(20)
  simulator.faults.clear()
  simulator.faults.add(rule)
  assert.deepEqual(await statuses(20), first)
  assert.ok(first.includes(200) && first.includes(502))
  assert.throws(() => simulator.faults.add({ match: {}, effect: { statuss: 1 } as FaultEffect }), /statuss/)
})

test('the login can fail as well', async () => {
  simulator.faults.add({ match: { kind: 'token', times: 1 }, effect: { status: 503 } })
  const answer = await client.login()
  assert.deepEqual([answer.status, answer.body.error], [503, 'temporarily_unavailable'])
  assert.equal((await client.login()).status, 200)
})

test('pages can be empty, short, too long, or lead astray', async () => {
  for (const path of [`${MESSAGES}?$top=10`, DELTA]) {
    const whole = await client.walk(path)
    const shaped = async (effect: FaultEffect) => {
      await once(effect)
      return (await client.get(path)).body
    }
    const empty = await shaped({ empty_page: true })
    assert.deepEqual(empty.value, [])
    assert.deepEqual((await client.walk(empty['@odata.nextLink'] ?? '')).items, whole.items)
    const short = await shaped({ short_page: 3 })
    assert.equal(short.value.length, 3)
    assert.deepEqual([...short.value, ...(await client.walk(short['@odata.nextLink'] ?? '')).items], whole.items)
    assert.equal((await shaped({ ignore_page_size: 40 })).value.length, 40)
    assert.equal((await shaped({ same_next_link: true }))['@odata.nextLink'], `${simulator.url}/v1.0${path}`)
    assert.match((await shaped({ malformed_next_link: true }))['@odata.nextLink'] ?? '', /users\/\//)
    assert.match(
      (await shaped({ foreign_next_link: 'https://elsewhere.example' }))['@odata.nextLink'] ?? '',
      /^https:\/\/elsewhere.example\/v1.0\/users/,
    )
  }
  await once({ extra_removed: 2 })
  const removed = (await client.get(DELTA)).body.value.filter((item) => item['@removed'])
  assert.equal(removed.length, 2)
})

test('a poisoned message spoils every page it is on, and itself, but not a listing of ids', async () => {
  const ids = (await client.walk(`${MESSAGES}?$select=id&$top=100`, { prefer: 'IdType="ImmutableId"' })).items
  const poison = ids[15]?.id ?? ''
  simulator.faults.add({ match: { user: UPN }, effect: { poison: [poison], code: 'ErrorContentConversionFailed' } })
  assert.equal((await client.get(`${MESSAGES}?$top=15`)).status, 200)
  assert.equal((await client.get(`${MESSAGES}?$top=16`)).status, 500)
  assert.equal((await client.get(`${MESSAGES}?$top=1&$skip=15`)).status, 500)
  assert.equal((await client.get(`${MESSAGES}?$top=1&$skip=16`)).status, 200)
  assert.equal((await client.get(DELTA, { prefer: 'odata.maxpagesize=50' })).status, 500)
  assert.equal((await client.get(`/users/${UPN}/messages/${poison}`)).body.error.code, 'ErrorContentConversionFailed')
  assert.equal((await client.get(`${MESSAGES}?$top=50&$select=id,changeKey`)).status, 200)
})

test('a gate holds answers until it is opened, or lets some through', async () => {
  await control.addFaults({ match: { user: UPN }, effect: { gate: 'door' } })
  const [first, second] = [client.get(`${MESSAGES}?$top=1`), client.get(`${MESSAGES}?$top=1`)]
  assert.equal((await control.whenWaiting('door', 2)).waiting, 2)
  assert.deepEqual(await control.releaseGate('door'), { name: 'door', open: false, waiting: 1, passed: 0 })
  await Promise.race([first, second])
  await control.openGate('door')
  assert.deepEqual([(await first).status, (await second).status], [200, 200])
  assert.deepEqual(await control.gate('door'), { name: 'door', open: true, waiting: 0, passed: 2 })
})

test('the control client changes the world, reads the truth and counts pages fetched again', async () => {
  await control.resetStats()
  const [result] = await control.mutate({ user: 'user2@example.com', type: 'arrive', count: 2 })
  const truth: TruthLine[] = []
  for await (const line of control.truth('user2@example.com')) truth.push(line)
  assert.deepEqual(truth, [...simulator.truth('user2@example.com')])
  assert.ok(result?.messages.every((id) => truth.some((line) => line.id === id)))
  for (const path of [MESSAGES, MESSAGES, `${MESSAGES}?$top=2`]) await client.get(path)
  const stats = await control.stats({ links: true })
  assert.deepEqual([stats.pages.served, stats.pages.distinct, stats.pages.repeated], [3, 2, 1])
  assert.equal(stats.pages.links?.[`/v1.0${MESSAGES}`], 2)
  assert.ok(stats.cpu_seconds > 0 && stats.by_kind.messages === 3)
  await assert.rejects(control.mutate({ user: 'nobody', type: 'arrive' }), /no mailbox/)
})
