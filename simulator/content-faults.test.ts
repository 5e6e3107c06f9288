import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import type { FaultEffect, FaultMatch } from './faults.ts'
import { type Simulator, startSimulator } from './simulator.ts'
import { TestClient } from './test-client.ts'

// What may go wrong with attachments and MIME: the same rules as for pages, and breaks in the middle of a body.

const UPN = 'files@example.com'
const SIZE = 3_000_000

let simulator: Simulator
let client: TestClient
let message: string
let list: string
let value: string

before(async () => {
  simulator = await startSimulator({
    demo: false,
    mailboxes: [{ name: 'files', messages: 30, attachments: { every: 1, minBytes: SIZE, maxBytes: SIZE } }],
  })
  client = new TestClient(simulator)
  const [first] = (await client.get(`/users/${UPN}/messages?$select=id&$top=1`)).body.value
  message = `/users/${UPN}/messages/${first?.id}`
  list = `${message}/attachments`
  const [attachment] = (await client.get(`${list}?$select=id`)).body.value
  value = `${list}/${attachment?.id}/$value`
})
afterEach(() => simulator.faults.clear())
after(async () => {
  await client.close()
  await simulator.close()
})

function once(kind: FaultMatch['kind'], effect: FaultEffect): void {
  simulator.faults.clear()
  simulator.faults.add({ match: { ...(kind && { kind }), times: 1 }, effect })
}

test('lists, single attachments, contents and MIME are requests of a kind of their own', async () => {
  simulator.resetStats()
  const single = value.replace('/$value', '')
  const paths = { attachments: list, attachment: single, attachment_content: value, mime: `${message}/$value` } as const
  for (const [kind, path] of Object.entries(paths)) {
    once(kind as FaultMatch['kind'], { status: 503 })
    for (const [other, otherPath] of Object.entries(paths))
      assert.equal((await client.bytes(otherPath)).status, other === kind ? 503 : 200, `${kind} ${other}`)
    assert.equal((await client.bytes(path)).status, 200)
  }
  const { by_kind, bytes } = simulator.stats()
  assert.deepEqual(by_kind, { attachments: 5, attachment: 5, attachment_content: 5, mime: 5 })
  assert.ok((bytes.by_kind.attachment_content ?? 0) >= 4 * SIZE)
  assert.ok(bytes.served >= 4 * SIZE * (1 + 3 * (4 / 3)))
})

test('refusals come with every status, code and Retry-After, or with no body at all', async () => {
  for (const retryAfter of ['2', '0.5', new Date(Date.UTC(2030, 0, 1)).toUTCString()]) {
    for (const status of [429, 503]) {
      once('attachment_content', { status, headers: { 'Retry-After': retryAfter } })
      const answer = await client.get(value)
      assert.deepEqual([answer.status, answer.headers['retry-after']], [status, retryAfter])
    }
  }
  once('attachments', { status: 404, empty_body: true })
  const empty = await client.get(list)
  assert.deepEqual([empty.status, empty.text], [404, ''])
  once('attachment_content', { status: 404 })
  assert.equal((await client.get(value)).body.error.code, 'ErrorItemNotFound')
  once('mime', { status: 500, code: 'ErrorCorruptData' })
  assert.equal((await client.get(`${message}/$value`)).body.error.code, 'ErrorCorruptData')
})

test('a connection can end in the middle of a content, at the byte that is wanted', async () => {
  for (const chunked of [false, true]) {
    once('attachment_content', { cut: { after: 1_000_000, chunked } })
    const answer = await client.open(value)
    let received = 0
    await assert.rejects(async () => {
      for await (const piece of answer.body as AsyncIterable<Buffer>) received += piece.length
    })
    assert.ok(received <= 1_000_000)
  }
  once('mime', { cut: 0 })
  await assert.rejects(client.bytes(`${message}/$value`))
  assert.equal((await client.bytes(value)).bytes.length, SIZE)
})

test('a content can lack its end, or be empty, with nothing wrong about the transport', async () => {
  once('attachment_content', { truncate: 1234 })
  const short = await client.bytes(value)
  assert.deepEqual([short.status, short.bytes.length], [200, 1234])
  once('mime', { truncate: 0 })
  const empty = await client.bytes(`${message}/$value`)
  assert.deepEqual([empty.status, empty.bytes.length], [200, 0])
  once('attachments', { broken_json: true })
  await assert.rejects(client.get(list), SyntaxError)
})

test('a content can stop for good, until the client goes, whose place is then free', async () => {
  simulator.resetStats()
  for (let time = 0; time < 5; time++) {
    once('attachment_content', { stall: 100_000 })
    const impatient = new TestClient(simulator)
    const answer = await impatient.open(value)
    let received = 0
    for await (const piece of answer.body as AsyncIterable<Buffer>) {
      received += piece.length
      if (received === 100_000) break
    }
    await impatient.close()
  }
  assert.equal((await client.bytes(value)).bytes.length, SIZE)
  assert.equal(simulator.stats().violations, 0)
})

test('a gate in the middle of a content holds it there, and lets the rest through or sees the client go', async () => {
  once('attachment_content', { gate: 'middle', gate_after: 1_500_000 })
  const held = await client.open(value)
  await simulator.gates.whenWaiting('middle')
  const pieces: Buffer[] = []
  let received = 0
  for await (const piece of held.body as AsyncIterable<Buffer>) {
    pieces.push(piece)
    received += piece.length
    if (received === 1_500_000) simulator.gates.open('middle')
  }
  assert.ok(Buffer.concat(pieces).equals((await client.bytes(value)).bytes))

  simulator.gates.close('middle')
  once('attachment_content', { gate: 'middle', gate_after: 1_500_000 })
  const killed = new TestClient(simulator)
  const answer = await killed.open(value)
  const broken = assert.rejects(answer.body.arrayBuffer())
  await simulator.gates.whenWaiting('middle')
  await killed.close()
  await broken
  assert.equal((await client.bytes(value)).bytes.length, SIZE)
})

test('an attachment and its message can vanish meanwhile', async () => {
  const [other] = (await client.get(`/users/${UPN}/messages?$select=id&$top=1&$skip=5`)).body.value
  const path = `/users/${UPN}/messages/${other?.id}`
  const [attachment] = (await client.get(`${path}/attachments?$select=id`)).body.value
  const read = async () => (await client.get(`${path}/attachments/${attachment?.id}/$value`)).body.error.code
  const messages = [other?.id ?? '']
  simulator.mutate({ user: UPN, type: 'remove_attachment', messages })
  assert.equal(await read(), 'ErrorItemNotFound')
  assert.deepEqual((await client.get(`${path}/attachments`)).body.value, [])
  simulator.mutate({ user: UPN, type: 'delete', hard: true, messages })
  assert.equal(await read(), 'ErrorItemNotFound')
  assert.equal((await client.get(`${path}/attachments`)).body.error.code, 'ErrorItemNotFound')
})
