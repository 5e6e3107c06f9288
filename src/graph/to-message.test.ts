import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWhole, toMessage, toPatch } from './to-message.ts'
import type { WireMessage } from './wire.ts'

const ann = { emailAddress: { name: 'Ann', address: 'ann@contoso.example' } }
const bob = { emailAddress: { name: null, address: '/O=CONTOSO/CN=BOB' } }

const full: WireMessage = {
  id: 'AAkA1',
  '@odata.type': '#microsoft.graph.eventMessageRequest',
  changeKey: 'CQAA',
  subject: 'Lunch',
  body: { contentType: 'html', content: '<p>At noon?</p>' },
  bodyPreview: 'At noon?',
  importance: 'normal',
  conversationId: 'c1',
  internetMessageId: '<1@contoso.example>',
  createdDateTime: '2026-01-05T09:00:01Z',
  lastModifiedDateTime: '2026-01-05T09:00:02Z',
  receivedDateTime: '2026-01-05T09:00:03Z',
  sentDateTime: '2026-01-05T09:00:04Z',
  hasAttachments: true,
  isDraft: false,
  isRead: true,
  from: ann,
  sender: ann,
  toRecipients: [bob, ann],
  ccRecipients: [],
  bccRecipients: [bob],
  replyTo: [ann],
  categories: ['Blue'],
  flag: { flagStatus: 'flagged', dueDateTime: { dateTime: '2026-01-06T00:00:00.0000000', timeZone: 'UTC' } },
  inferenceClassification: 'focused',
  webLink: 'https://outlook.example/1',
  internetMessageHeaders: [{ name: 'Received', value: 'by mx' }],
}

test('every field of a message is kept', () => {
  assert.ok(isWhole(full))
  assert.deepEqual(toMessage(full), {
    id: 'AAkA1',
    changeKey: 'CQAA',
    messageType: 'eventMessageRequest',
    subject: 'Lunch',
    body: '<p>At noon?</p>',
    bodyType: 'html',
    bodyPreview: 'At noon?',
    importance: 'normal',
    conversationId: 'c1',
    internetMessageId: '<1@contoso.example>',
    createdDateTime: '2026-01-05T09:00:01Z',
    lastModifiedDateTime: '2026-01-05T09:00:02Z',
    receivedDateTime: '2026-01-05T09:00:03Z',
    sentDateTime: '2026-01-05T09:00:04Z',
    hasAttachments: true,
    mayHaveAttachments: true,
    isDraft: false,
    isRead: true,
    recipients: [
      { recipient_type: 'from', email_address: 'ann@contoso.example', name: 'Ann' },
      { recipient_type: 'sender', email_address: 'ann@contoso.example', name: 'Ann' },
      { recipient_type: 'to', email_address: '/O=CONTOSO/CN=BOB', name: null },
      { recipient_type: 'to', email_address: 'ann@contoso.example', name: 'Ann' },
      { recipient_type: 'bcc', email_address: '/O=CONTOSO/CN=BOB', name: null },
      { recipient_type: 'reply_to', email_address: 'ann@contoso.example', name: 'Ann' },
    ],
    categories: ['Blue'],
    flag: {
      flag_status: 'flagged',
      start_date_time: null,
      due_date_time: '2026-01-06T00:00:00.0000000Z',
      completed_date_time: null,
    },
    inferenceClassification: 'focused',
    webLink: 'https://outlook.example/1',
    internetMessageHeaders: [{ name: 'Received', value: 'by mx' }],
  })
})

test('a message of which nothing but the id is given has nulls, and no error', () => {
  const nulls = Object.fromEntries(Object.keys(full).map((key) => [key, null])) as unknown as WireMessage
  for (const wire of [{ id: 'AAkA2' }, { ...nulls, id: 'AAkA2' }]) {
    const message = toMessage(wire)
    assert.deepEqual(message.recipients, [])
    assert.deepEqual(message.categories, [])
    assert.equal(message.messageType, 'message')
    assert.equal(message.body, null)
    assert.equal(message.hasAttachments, false)
    assert.equal(message.flag, null)
    assert.equal(message.internetMessageHeaders, null)
  }
})

test('recipients without an address, headers without a name and senders that are null do no harm', () => {
  const odd = {
    id: 'AAkA3',
    from: { emailAddress: null },
    sender: {},
    toRecipients: [null, {}, ann],
    internetMessageHeaders: [{ name: null, value: 'x' }, null, { name: 'Date', value: null }],
    categories: [null, 'Red'],
  } as unknown as WireMessage
  const message = toMessage(odd)
  assert.deepEqual(
    message.recipients.map((one) => one.recipient_type),
    ['to'],
  )
  assert.deepEqual(message.internetMessageHeaders, [{ name: 'Date', value: '' }])
  assert.deepEqual(message.categories, ['Red'])
})

test('attachments may be there where Graph says so, where the HTML refers to one, and where they hold the message', () => {
  const html = (content: string) => ({ id: 'AAkA7', hasAttachments: false, body: { contentType: 'html', content } })
  const encrypted = [{ name: 'Content-Type', value: 'application/pkcs7-mime; smime-type=enveloped-data' }]
  assert.equal(toMessage({ id: 'AAkA7', hasAttachments: true }).mayHaveAttachments, true)
  assert.equal(toMessage(html('<img src="CID:picture001">')).mayHaveAttachments, true)
  assert.equal(toMessage({ ...html('<p>'), internetMessageHeaders: encrypted }).mayHaveAttachments, true)

  const parts = [{ name: 'Content-Type', value: 'Multipart/Mixed; boundary=x' }]
  assert.equal(toMessage({ id: 'AAkA7', internetMessageHeaders: parts }).mayHaveAttachments, true)
  const alternatives = [{ name: 'Content-Type', value: 'multipart/alternative; boundary=x' }]
  assert.equal(toMessage({ ...html('<p>'), internetMessageHeaders: alternatives }).mayHaveAttachments, false)
  assert.equal(toMessage(html('<p>an acid: sour')).mayHaveAttachments, false)
  const text = { contentType: 'text', content: 'see cid:picture001' }
  assert.equal(toMessage({ id: 'AAkA7', body: text }).mayHaveAttachments, false)
})

test('a part of an item is no whole message', () => {
  assert.equal(isWhole({ id: 'AAkA4', isRead: true }), false)
  assert.equal(isWhole({ id: 'AAkA4', changeKey: 'CQAA', isRead: true }), false)
})

test('a change of state keeps the fields that came, and only those', () => {
  const type = { '@odata.type': '#microsoft.graph.message' }
  assert.deepEqual(toPatch({ ...type, id: 'AAkA5', isRead: true }), { id: 'AAkA5', isRead: true })
  assert.deepEqual(toPatch({ id: 'AAkA5', flag: { flagStatus: 'complete' }, categories: [], importance: null }), {
    id: 'AAkA5',
    flag: { flag_status: 'complete', start_date_time: null, due_date_time: null, completed_date_time: null },
    categories: [],
    importance: null,
  })
})

test('a part that names more than state, or nothing, is no change to merge', () => {
  assert.equal(toPatch({ id: 'AAkA6', isRead: true, subject: 'Edited' }), undefined)
  assert.equal(toPatch({ id: 'AAkA6', toRecipients: [] }), undefined)
  assert.equal(toPatch({ id: 'AAkA6', changeKey: 'CQAB' }), undefined)
  assert.equal(toPatch({ id: 'AAkA6', '@odata.type': '#microsoft.graph.message' }), undefined)
})
