import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Simulator, startSimulator } from '../simulator.ts'
import { type GraphBody, TestClient } from '../test-client.ts'
import type { TruthOfContents } from '../truth-of-contents.ts'
import type { OddName } from './odd-mailbox.ts'

const UPN = 'odd@example.com'
const HEADERS = '$select=internetMessageHeaders'

let simulator: Simulator
let client: TestClient
const truth = new Map<string, TruthOfContents>()

before(async () => {
  simulator = await startSimulator({ demo: false, mailboxes: [{ name: 'odd', odd: 'all', messages: 25 }] })
  client = new TestClient(simulator)
  for await (const line of simulator.truthOfContents(UPN)) {
    if (line.type === 'message' && line.odd !== undefined) truth.set(line.odd, line)
  }
})
after(async () => {
  await client.close()
  await simulator.close()
})

function told(name: OddName): TruthOfContents {
  const line = truth.get(name)
  assert.ok(line, name)
  return line
}

const path = (name: OddName) => `/users/${UPN}/messages/${told(name).id}`
const read = async (name: OddName, query = ''): Promise<GraphBody> => (await client.get(`${path(name)}?${query}`)).body

async function contentTypeOf(name: OddName): Promise<string | undefined> {
  const { internetMessageHeaders } = await read(name, HEADERS)
  const headers = (internetMessageHeaders ?? []) as { name: string; value: string }[]
  return headers.find((header) => header.name === 'Content-Type')?.value
}

test('every odd message is listed once, in the order of dates, beside ordinary mail', async () => {
  const { items } = await client.walk(`/users/${UPN}/messages?$select=id,receivedDateTime&$top=10`, {
    prefer: 'IdType="ImmutableId"',
  })
  assert.equal(items.length, truth.size + 25)
  assert.ok([...truth.values()].every(({ id }) => items.some((item) => item.id === id)))
  assert.equal((await client.get(`/users/${UPN}/messages/$count`)).text, String(items.length))
  const dates = items.map(({ receivedDateTime }) => String(receivedDateTime ?? ''))
  assert.deepEqual(dates, dates.toSorted().reverse())
  const changes = await client.walk(`/users/${UPN}/mailFolders/inbox/messages/delta`)
  assert.equal(changes.items.length, truth.size - 2)
})

test('meetings are spelled as Graph spells them', async () => {
  for (const [name, type, messageType, more] of [
    ['meeting_request', 'eventMessageRequest', 'meetingRequest', { meetingRequestType: 'newMeetingRequest' }],
    ['meeting_request_update', 'eventMessageRequest', 'meetingRequest', { meetingRequestType: 'fullUpdate' }],
    ['meeting_request_series', 'eventMessageRequest', 'meetingRequest', { type: 'seriesMaster', isAllDay: true }],
    ['meeting_cancelled', 'eventMessage', 'meetingCancelled', {}],
    ['meeting_accepted', 'eventMessageResponse', 'meetingAccepted', { responseType: 'accepted' }],
    ['meeting_tentatively_accepted', 'eventMessageResponse', 'meetingTenativelyAccepted', {}],
    ['meeting_declined', 'eventMessageResponse', 'meetingDeclined', { responseType: 'declined' }],
    ['meeting_without_mime', 'eventMessage', 'none', {}],
  ] as const) {
    const body = await read(name)
    assert.equal(body['@odata.type'], `#microsoft.graph.${type}`)
    assert.equal(body.meetingMessageType, messageType)
    for (const [property, value] of Object.entries(more)) assert.equal(body[property], value)
    assert.equal((await read(name, '$select=subject'))['@odata.type'], `#microsoft.graph.${type}`)
  }
  const sharing = await read('calendar_sharing')
  assert.equal(sharing['@odata.type'], '#microsoft.graph.calendarSharingMessage')
  assert.equal(sharing.canAccept, true)
})

test('reports and secure mail are known by their Content-Type, and some of them have no MIME form', async () => {
  for (const [name, contentType, failure] of [
    ['non_delivery_report', 'multipart/report; report-type=delivery-status', undefined],
    ['non_delivery_report_signed', 'multipart/report; report-type=delivery-status', 'ErrorMimeContentConversionFailed'],
    ['read_receipt', 'multipart/report; report-type=disposition-notification', undefined],
    ['clear_signed', 'multipart/signed; protocol=', undefined],
    ['opaque_signed', 'application/pkcs7-mime; smime-type=signed-data', 'ErrorMimeContentConversionFailed'],
    ['encrypted', 'application/pkcs7-mime; smime-type=enveloped-data', 'ErrorMimeContentConversionFailed'],
  ] as const) {
    assert.ok((await contentTypeOf(name))?.startsWith(contentType), name)
    assert.equal((await read(name))['@odata.type'], undefined)
    const answer = await client.get(`${path(name)}/$value`)
    if (failure === undefined) assert.ok(answer.text.includes(`\r\nContent-Type: ${contentType}`), name)
    else {
      assert.deepEqual([answer.status, answer.body.error.code], [500, failure])
      assert.deepEqual(told(name).mime, { error: failure })
    }
  }
  for (const name of ['clear_signed', 'opaque_signed', 'encrypted'] as const) {
    const [blob] = (await client.get(`${path(name)}/attachments`)).body.value
    assert.equal(blob?.name, 'smime.p7m')
  }
  assert.equal((await client.get(`${path('meeting_without_mime')}/$value`)).body.error.code, 'ErrorCorruptData')
})

test('properties can be missing, or hold what breaks others', async () => {
  assert.equal((await read('null_subject')).subject, null)
  assert.equal((await read('lone_surrogates')).subject, 'half \ud83d and other half \ude00')
  assert.equal((await read('nul')).subject, 'before \u0000 after')
  const raw = (await client.bytes(path('lone_surrogates'))).bytes.toString('latin1')
  assert.ok(raw.includes('half \\ud83d and other half \\ude00'))
  const draft = await read('draft_without_sender')
  assert.deepEqual(
    [draft.from, draft.sender, draft.receivedDateTime, draft.internetMessageId, draft.isDraft],
    [null, null, null, null, true],
  )
  assert.equal((await read('missing_dates')).sentDateTime, null)
  const crowd = await read('many_recipients')
  assert.equal((crowd.toRecipients as object[]).length + (crowd.ccRecipients as object[]).length, 2000)
  assert.ok(((await read('large_body')).body as { content: string }).content.length > 10_000_000)
  assert.match(JSON.stringify((await read('x500_addresses')).from), /"\/O=CONTOSO\//)
  assert.equal('internetMessageHeaders' in (await read('sent_copy', HEADERS)), false)
  assert.equal(((await read('sent_copy')).bccRecipients as object[]).length, 2)
})

test('attached items are mail, iCalendar or vCard, and the other attachments have every flaw', async () => {
  for (const [name, contentType, start] of [
    ['attached_message', 'text/plain', 'From:'],
    ['attached_event', 'text/calendar', 'BEGIN:VCALENDAR'],
    ['attached_contact', 'text/vcard', 'BEGIN:VCARD'],
  ] as const) {
    const [item] = (await client.get(`${path(name)}/attachments`)).body.value
    assert.equal(item?.['@odata.type'], '#microsoft.graph.itemAttachment')
    const value = await client.bytes(`${path(name)}/attachments/${item?.id}/$value`)
    assert.equal(value.contentType, contentType)
    assert.ok(value.bytes.toString().startsWith(start))
  }
  const nameless = (await client.get(`${path('nameless_attachment')}/attachments`)).body.value
  assert.ok(nameless.every(({ name, contentType }) => name === null && contentType === null))
  assert.equal((await client.get(`${path('empty_attachment')}/attachments`)).body.value[0]?.contentBytes, '')
  for (const name of ['many_attachments', 'heavy_attachments'] as const) {
    assert.equal((await client.get(`${path(name)}/attachments`)).status, 504)
    assert.ok((await client.get(`${path(name)}/attachments?$select=id`)).body.value.length > 0)
  }
  const [one] = told('same_content_1').attachments
  assert.ok(told('same_content_2').attachments.every(({ sha256 }) => sha256 === one?.sha256))
  const inline = await read('inline_image')
  assert.equal(inline.hasAttachments, false)
  assert.match((inline.body as { content: string }).content, /cid:logo@fabrikam\.example/)
})

test('an attachment that cannot be opened spoils the list with contents, and itself, for good', async () => {
  const list = `${path('unopenable_attachment')}/attachments`
  const [broken, fine] = (await client.get(`${list}?$select=id,name`, { prefer: 'IdType="ImmutableId"' })).body.value
  for (const url of [list, `${list}/${broken?.id}`, `${list}/${broken?.id}/$value`])
    assert.equal((await client.get(url)).body.error.code, 'ErrorCannotOpenFileAttachment')
  assert.equal((await client.get(`${list}/${broken?.id}?$select=name`)).status, 200)
  assert.equal((await client.bytes(`${list}/${fine?.id}/$value`)).bytes.length, 5_000)
  assert.deepEqual(
    told('unopenable_attachment').attachments.map(({ id, error, sha256 }) => [id, error, sha256 === null]),
    [
      [broken?.id, 'ErrorCannotOpenFileAttachment', true],
      [fine?.id, undefined, false],
    ],
  )
})

test('a mailbox can hold chosen odd messages only, and names that do not exist are refused', async () => {
  await using few = await startSimulator({
    demo: false,
    mailboxes: [{ name: 'few', odd: ['encrypted', 'draft_without_sender'] }],
  })
  assert.deepEqual(few.mailboxes, [{ user_upn: 'few@example.com', messages: 2 }])
  await assert.rejects(
    startSimulator({ demo: false, mailboxes: [{ name: 'few', odd: ['none' as OddName] }] }),
    /no odd message 'none'/,
  )
})
