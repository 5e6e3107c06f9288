import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type Simulator, startSimulator } from './simulator.ts'
import { type Item, TestClient } from './test-client.ts'

const IMMUTABLE = { prefer: 'IdType="ImmutableId"' }
const METADATA = '$select=id,name,contentType,size,isInline,lastModifiedDateTime'
const one = (bytes: number, perMessage = 1) => ({ every: 1, minBytes: bytes, maxBytes: bytes, perMessage })

let simulator: Simulator
let client: TestClient

before(async () => {
  simulator = await startSimulator({
    demo: false,
    limits: false,
    mailboxes: [
      { name: 'samples', messages: 120 },
      { name: 'planned', messages: 50, attachments: { every: 5, minBytes: 20_000, maxBytes: 5_000_000 } },
      { name: 'crowded', messages: 1, attachments: one(10, 501) },
      { name: 'heavy', messages: 1, attachments: one(3_500_000, 9) },
      { name: 'large', messages: 1, attachments: one(6_000_000) },
      { name: 'huge', messages: 1, attachments: one(150_000_000) },
    ],
  })
  client = new TestClient(simulator)
})
after(async () => {
  await client.close()
  await simulator.close()
})

const messages = (mailbox: string) => `/users/${mailbox}@example.com/messages`

async function messagesOf(mailbox: string): Promise<Item[]> {
  return (await client.walk(`${messages(mailbox)}?$select=id,hasAttachments,body&$top=100`)).items
}

async function only(mailbox: string): Promise<string> {
  const [message] = await messagesOf(mailbox)
  return `${messages(mailbox)}/${message?.id}/attachments`
}

async function sha256Of(path: string): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256')
  let size = 0
  for await (const piece of (await client.open(path)).body as AsyncIterable<Buffer>) {
    hash.update(piece)
    size += piece.length
  }
  return { size, sha256: hash.digest('hex') }
}

test('a list holds the contents, the single attachment holds the same, and so does $value', async () => {
  for (const { id, hasAttachments } of await messagesOf('planned')) {
    const path = `${messages('planned')}/${id}/attachments`
    const list = (await client.get(path)).body.value
    assert.equal(list.length, hasAttachments ? 1 : 0)
    for (const attachment of list) {
      const single = (await client.get(`${path}/${attachment.id}`)).body
      const value = await client.bytes(`${path}/${attachment.id}/$value`)
      assert.equal(value.contentType, attachment.contentType)
      assert.equal(single.contentBytes, value.bytes.toString('base64'))
      if (attachment.contentBytes === undefined) assert.ok(value.bytes.length > 4 * 1024 * 1024)
      else assert.equal(attachment.contentBytes, single.contentBytes)
      assert.ok(Number(attachment.size) > value.bytes.length)
    }
  }
})

test('a list is one answer without pages, and can leave the contents out', async () => {
  const path = await only('crowded')
  const { body } = await client.get(`${path}?${METADATA}`)
  assert.equal(body.value.length, 501)
  assert.ok(body.value.every((attachment) => !('contentBytes' in attachment) && !('contentId' in attachment)))
  assert.equal(body['@odata.nextLink'], undefined)
  for (const paging of ['$top=10', '$skip=10', '$filter=isInline eq true'])
    assert.equal((await client.get(`${path}?${paging}`)).status, 400)
  assert.equal((await client.get(`${path}?$expand=microsoft.graph.itemAttachment/item`)).status, 501)
})

test('a list with contents of 500 attachments, or of more than 30 MB, takes too long', async () => {
  for (const mailbox of ['crowded', 'heavy', 'huge']) {
    const path = await only(mailbox)
    assert.equal((await client.get(path)).status, 504, mailbox)
    assert.equal((await client.get(`${path}?$select=id`)).status, 200, mailbox)
    const expanded = `${messages(mailbox)}?$expand=attachments`
    assert.equal((await client.get(expanded)).status, 504, mailbox)
    assert.equal((await client.get(`${expanded}($select=id,name)`)).status, 200, mailbox)
  }
})

test('a list leaves out contents above 4 MB, which the attachment itself gives', async () => {
  const path = await only('large')
  const [attachment] = (await client.get(path)).body.value
  assert.ok(attachment && !('contentBytes' in attachment))
  const single = await client.get(`${path}/${attachment.id}`)
  assert.equal(String(single.body.contentBytes).length, 8_000_000)
})

test('150 MB are sent without being held, and have the hash that the truth tells', async () => {
  const path = await only('huge')
  const [attachment] = (await client.get(`${path}?$select=id`)).body.value
  assert.equal((await client.get(`${path}/${attachment?.id}`)).status, 504)
  const before = process.memoryUsage().rss
  const digest = await sha256Of(`${path}/${attachment?.id}/$value`)
  assert.ok(process.memoryUsage().rss - before < 100_000_000)
  for await (const line of simulator.truthOfContents('huge@example.com')) {
    if (line.type !== 'message') continue
    assert.deepEqual(
      line.attachments.map(({ content_size, sha256 }) => ({ size: content_size, sha256 })),
      [digest],
    )
  }
})

test('who does not read keeps the simulator from making more', async () => {
  simulator.resetStats()
  const path = await only('huge')
  const [attachment] = (await client.get(`${path}?$select=id`)).body.value
  const answer = await client.open(`${path}/${attachment?.id}/$value`)
  const iterator = answer.body[Symbol.asyncIterator]()
  await iterator.next()
  assert.equal(simulator.stats().bytes.by_kind.attachment_content, undefined)
  answer.body.destroy()
})

test('contentId is selected by the cast or plainly, as the tenant likes; the other is refused', async () => {
  await using plain = await startSimulator({
    demo: false,
    fileSelect: 'plain',
    mailboxes: [{ name: 'samples', messages: 12 }],
  })
  await using other = new TestClient(plain)
  for (const [asked, cast, simple] of [
    [client, 200, 400],
    [other, 400, 200],
  ] as const) {
    const withImage = (await asked.walk(`${messages('samples')}?$select=body&$top=50`)).items.find((message) =>
      JSON.stringify(message.body).includes('cid:'),
    )
    const path = `${messages('samples')}/${withImage?.id}/attachments?$select=id,isInline`
    for (const [property, status] of [
      ['microsoft.graph.fileAttachment/contentId', cast],
      ['contentId', simple],
    ] as const) {
      const answer = await asked.get(`${path},${property}`)
      assert.equal(answer.status, status)
      if (status !== 200) continue
      const [image] = answer.body.value
      assert.deepEqual([image?.contentId, image?.isInline], ['picture001@contoso.example', true])
    }
  }
})

test('a message with inline images only has no attachments by its own account, and refers to them by cid', async () => {
  const found = (await messagesOf('samples')).filter((message) => JSON.stringify(message.body).includes('cid:'))
  assert.ok(found.length > 0)
  for (const { id, hasAttachments } of found) {
    assert.equal(hasAttachments, false)
    assert.equal((await client.get(`${messages('samples')}/${id}/attachments`)).body.value.length, 1)
  }
})

test('items are given as text, references have no content', async () => {
  const kinds = new Set<unknown>()
  for (const { id } of (await messagesOf('samples')).filter(({ hasAttachments }) => hasAttachments)) {
    const path = `${messages('samples')}/${id}/attachments`
    for (const attachment of (await client.get(path)).body.value) {
      kinds.add(attachment['@odata.type'])
      const value = await client.bytes(`${path}/${attachment.id}/$value`)
      if (attachment['@odata.type'] === '#microsoft.graph.referenceAttachment') assert.equal(value.status, 405)
      if (attachment['@odata.type'] === '#microsoft.graph.itemAttachment') {
        assert.equal(value.contentType, 'text/plain')
        assert.match(value.bytes.toString(), /^From: .*\r\n/)
        assert.equal('contentBytes' in attachment, false)
      }
    }
  }
  assert.equal(kinds.size, 3)
})

test('attachments answer to both kinds of ids, and not below another message nor after a move', async () => {
  const [first, second] = (await messagesOf('planned')).filter(({ hasAttachments }) => hasAttachments)
  const path = `${messages('planned')}/${first?.id}/attachments`
  const [mutable] = (await client.get(path)).body.value
  const [immutable] = (await client.get(path, IMMUTABLE)).body.value
  assert.notEqual(mutable?.id, immutable?.id)
  for (const id of [mutable?.id, immutable?.id]) assert.equal((await client.get(`${path}/${id}`)).status, 200)
  const elsewhere = await client.get(`${messages('planned')}/${second?.id}/attachments/${mutable?.id}`)
  assert.deepEqual([elsewhere.status, elsewhere.body.error.code], [404, 'ErrorItemNotFound'])
  assert.equal((await client.get(`${path}/nonsense`)).body.error.code, 'ErrorInvalidIdMalformed')

  const [moved] = simulator.mutate({
    user: 'planned@example.com',
    type: 'move',
    messages: [first?.id ?? ''],
    to: 'deleteditems',
  })
  const newPath = `${messages('planned')}/${moved?.messages[0]}/attachments`
  assert.equal((await client.get(`${newPath}/${mutable?.id}`)).status, 404)
  assert.equal((await client.get(`${newPath}/${immutable?.id}`)).status, 200)
})

test('an attachment can be removed, and the others keep their ids', async () => {
  const path = await only('heavy')
  const [, message = ''] = path.match(/messages\/(.*)\/attachments/) ?? []
  const before = (await client.get(`${path}?$select=id`)).body.value
  simulator.mutate({ user: 'heavy@example.com', type: 'remove_attachment', messages: [message], index: 1 })
  const left = (await client.get(`${path}?$select=id`)).body.value
  assert.deepEqual(
    left.map(({ id }) => id),
    before.filter((_, index) => index !== 1).map(({ id }) => id),
  )
  const gone = await client.get(`${path}/${before[1]?.id}/$value`)
  assert.deepEqual([gone.status, gone.body.error.code], [404, 'ErrorItemNotFound'])
  const changes = left.map(() => ({
    user: 'heavy@example.com',
    type: 'remove_attachment' as const,
    messages: [message],
  }))
  simulator.mutate(...changes)
  assert.equal((await client.get(`${messages('heavy')}/${message}`)).body.hasAttachments, false)
})
