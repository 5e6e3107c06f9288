import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Simulator, startSimulator } from './simulator.ts'
import { idsOf, TestClient } from './test-client.ts'

const UPN = 'adele.vance@contoso.example'
const USER = `/users/${UPN}`
const INBOX = `${USER}/mailFolders/inbox/messages`
const IMMUTABLE = { prefer: 'IdType="ImmutableId"' }

let simulator: Simulator
let client: TestClient

before(async () => {
  simulator = await startSimulator({ mailboxes: [{ name: 'big', messages: 2500 }] })
  client = new TestClient(simulator)
})
after(async () => {
  await client.close()
  await simulator.close()
})

test('a page holds 10 messages by default, as many as asked for, and never more than 1000', async () => {
  const big = '/users/big@example.com/messages'
  assert.equal((await client.get(big)).body.value.length, 10)
  assert.equal((await client.get(`${big}?$top=3`)).body.value.length, 3)
  assert.equal((await client.get(`${big}?$top=2000&$select=id`)).body.value.length, 1000)
  const preferred = await client.get(`${big}?$select=id`, { prefer: 'odata.maxpagesize=70' })
  assert.equal(preferred.body.value.length, 70)
  assert.match(String(preferred.headers['preference-applied']), /odata.maxpagesize=70/)
})

test('links repeat the options but forget the headers', async () => {
  const first = await client.get(`${INBOX}?$select=subject&$top=5`, IMMUTABLE)
  const link = first.body['@odata.nextLink'] ?? ''
  const second = await client.get(link)
  assert.deepEqual(Object.keys(second.body.value[0] ?? {}).sort(), ['@odata.etag', 'id', 'subject'])
  assert.equal(second.body.value.length, 5)
  const truth = truthIds('inbox')
  assert.deepEqual(idsOf(first.body.value), truth.slice(0, 5))
  assert.notDeepEqual(idsOf(second.body.value), truth.slice(5, 10))
  assert.deepEqual(idsOf((await client.get(link, IMMUTABLE)).body.value), truth.slice(5, 10))
})

test('the default set leaves out headers and uniqueBody, which come when named', async () => {
  const message = (await client.get(`${INBOX}?$top=1`)).body.value[0]
  assert.ok(message && 'body' in message && !('internetMessageHeaders' in message) && !('uniqueBody' in message))
  const named = (await client.get(`${USER}/messages/${message.id}?$select=internetMessageHeaders,UniqueBody`)).body
  assert.ok('internetMessageHeaders' in named && 'uniqueBody' in named && !('body' in named))
})

test('bodies come as html unless text is preferred, and the answer says so', async () => {
  const html = (await client.get(`${INBOX}?$top=1`)).body.value[0]?.body as { contentType: string; content: string }
  assert.deepEqual([html.contentType, html.content.startsWith('<html>')], ['html', true])
  const answer = await client.get(`${INBOX}?$top=1`, {
    prefer: 'outlook.body-content-type="text", IdType="ImmutableId"',
  })
  const text = answer.body.value[0]?.body as { contentType: string; content: string }
  assert.deepEqual([text.contentType, text.content.includes('<')], ['text', false])
  assert.match(String(answer.headers['preference-applied']), /IdType=ImmutableId.*outlook.body-content-type="text"/)
})

test('a range of dates in either order gives exactly the mail in it', async () => {
  const all = (await client.walk(`${INBOX}?$top=1000&$select=receivedDateTime`)).items
  const [from, before] = [all[300]?.receivedDateTime, all[100]?.receivedDateTime]
  const wanted = all.filter(
    ({ receivedDateTime }) => String(receivedDateTime) >= String(from) && String(receivedDateTime) < String(before),
  )
  const filter = `$filter=receivedDateTime ge ${from} and receivedDateTime lt ${before}&$select=id&$top=37`
  const ascending = await client.walk(`${INBOX}?${filter}&$orderby=receivedDateTime asc`)
  const descending = await client.walk(`${INBOX}?${filter}&$orderby=receivedDateTime desc`)
  assert.deepEqual(idsOf(descending.items), idsOf(wanted))
  assert.deepEqual(idsOf(ascending.items), idsOf(wanted).reverse())
  assert.equal((await client.get(`${INBOX}/$count?${filter.split('&')[0]}`)).text, String(wanted.length))
  assert.equal((await client.get(`${INBOX}?$count=true&${filter}`)).body['@odata.count'], wanted.length)
})

test('other filters work, and an order that the filter does not begin with is inefficient', async () => {
  const unread = await client.walk(`${INBOX}?$filter=isRead eq false&$top=100`)
  assert.ok(unread.items.length > 10 && unread.items.every(({ isRead }) => isRead === false))
  const inbox = folderId('inbox')
  const truth = [...simulator.truth(UPN)].filter(
    (line) => line.type === 'message' && line.folder_id === inbox && !line.is_read,
  )
  assert.equal(unread.items.length, truth.length)
  const inefficient = await client.get(`${INBOX}?$filter=isRead eq false&$orderby=receivedDateTime desc`)
  assert.deepEqual([inefficient.status, inefficient.body.error.code], [400, 'InefficientFilter'])
  const efficient = `${INBOX}?$filter=receivedDateTime ge 1900-01-01T00:00:00Z and isRead eq false&$orderby=receivedDateTime desc&$top=100`
  assert.deepEqual(idsOf((await client.walk(efficient)).items), idsOf(unread.items))
})

test('the whole mailbox lists what is in its folders, newest first, but not the recoverable items', async () => {
  const { items } = await client.walk(`${USER}/messages?$select=receivedDateTime&$top=333`, IMMUTABLE)
  const recoverable = folderId('recoverableitemsdeletions')
  const expected = [...simulator.truth(UPN)].flatMap((line) =>
    line.type === 'message' && line.folder_id !== recoverable ? [line.id] : [],
  )
  assert.deepEqual(idsOf(items).sort(), expected.sort())
  const dates = items.map(({ receivedDateTime }) => (receivedDateTime === null ? '' : String(receivedDateTime)))
  assert.deepEqual(dates, dates.toSorted().reverse())
})

test('mailboxes hold the odd things that real ones do', async () => {
  const { items } = await client.walk(`${USER}/messages?$top=1000`)
  const count = (holds: (item: Record<string, unknown>) => boolean) => items.filter(holds).length
  assert.ok(count(({ subject }) => subject === null) > 0 && count(({ subject }) => subject === '') > 0)
  assert.ok(
    count(({ subject }) => /\0/.test(String(subject))) > 0 &&
      count(({ subject }) => !String(subject).isWellFormed()) > 0,
  )
  assert.ok(count(({ from, isDraft }) => from === null && isDraft === true) > 0)
  assert.ok(count(({ from }) => JSON.stringify(from).includes('/O=CONTOSO')) > 0)
  assert.ok(count(({ ccRecipients }) => (ccRecipients as unknown[]).length > 100) > 0)
  assert.ok(count((item) => item['@odata.type'] === '#microsoft.graph.eventMessageRequest') > 0)
  assert.ok(count(({ receivedDateTime }) => receivedDateTime === null) > 0)
  const seconds = items.map(({ receivedDateTime }) => receivedDateTime)
  assert.ok(seconds.length - new Set(seconds).size > 20)
})

test('attachments of every kind can be listed and read, and a folder path has no $value', async () => {
  const { items } = await client.walk(
    `${USER}/messages?$filter=hasAttachments eq true&$select=id,hasAttachments&$top=1000`,
  )
  const kinds = new Set<unknown>()
  for (const { id } of items.slice(0, 60)) {
    for (const attachment of (await client.get(`${USER}/messages/${id}/attachments`)).body.value) {
      const path = `${USER}/messages/${id}/attachments/${attachment.id}`
      kinds.add(attachment['@odata.type'])
      assert.equal((await client.get(path)).body.id, attachment.id)
      const content = await client.get(`${path}/$value`)
      if (attachment['@odata.type'] === '#microsoft.graph.referenceAttachment') assert.equal(content.status, 405)
      else assert.equal(content.status, 200)
      if (attachment['@odata.type'] === '#microsoft.graph.fileAttachment')
        assert.equal(content.text, Buffer.from(String(attachment.contentBytes), 'base64').toString())
    }
  }
  assert.equal(kinds.size, 3)
  assert.match((await client.get(`${USER}/messages/${items[0]?.id}/$value`)).text, /^From: /)
  assert.equal((await client.get(`${INBOX}?$top=1&$expand=attachments`)).status, 200)
  const inInbox = (await client.get(`${INBOX}?$top=1`)).body.value[0]?.id
  assert.equal((await client.get(`${INBOX}/${inInbox}/$value`)).status, 405)
})

test('a mutable id ends when the message moves, an immutable one stays', async () => {
  const user = '/users/user1@example.com'
  const mutable = (await client.get(`${user}/mailFolders/inbox/messages?$top=1`)).body.value[0]?.id
  const immutable = (await client.get(`${user}/mailFolders/inbox/messages?$top=1`, IMMUTABLE)).body.value[0]?.id ?? ''
  assert.ok(immutable.startsWith('AAkA') && mutable?.startsWith('AAMk') && immutable.length > 140)
  const translated = await client.graph(
    'POST',
    `${user}/translateExchangeIds`,
    {},
    JSON.stringify({ inputIds: [mutable], sourceIdType: 'restId', targetIdType: 'restImmutableEntryId' }),
  )
  assert.equal((translated.body.value[0] as unknown as { targetId: string }).targetId, immutable)
  simulator.mutate({ user: 'user1@example.com', type: 'move', messages: [immutable], to: 'deleteditems' })
  assert.equal((await client.get(`${user}/messages/${mutable}`)).body.error.code, 'ErrorItemNotFound')
  const moved = await client.get(`${user}/messages/${immutable}`, IMMUTABLE)
  assert.equal(moved.body.id, immutable)
  assert.equal((await client.get(`${user}/mailFolders/deleteditems/messages`, IMMUTABLE)).body.value[0]?.id, immutable)
  assert.equal((await client.get(`${user}/messages/${immutable.toLowerCase()}`)).status, 400)
})

function folderId(alias: string): string | undefined {
  return [...simulator.truth(UPN)].find((line) => line.type === 'folder' && line.alias === alias)?.id
}

function truthIds(alias: string): string[] {
  const folder = folderId(alias)
  return [...simulator.truth(UPN)].flatMap((line) =>
    line.type === 'message' && line.folder_id === folder ? [line.id] : [],
  )
}
