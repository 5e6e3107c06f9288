import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse as parseContentDisposition } from 'content-disposition'
import type { StoredContent } from '../../copying/stored-email.ts'
import { Email } from '../contract-email.ts'
import { aServer, assertFits } from '../test-support.ts'

const URL = '/api/emails/messages/m1/attachments/a1'
const TEXT = 'The content of an attachment.'

async function aServerWith(content: Partial<StoredContent> = {}) {
  const api = aServer()
  const blob = await api.blobs.put(bytesOf(TEXT))
  api.emails.contents.set('m1 a1', { blob, name: 'plan.pdf', contentType: 'application/pdf', ...content })
  return { ...api, blob }
}

async function* bytesOf(text: string) {
  yield Buffer.from(text)
}

test('one message is answered as results show it', async () => {
  const { server, emails } = aServer()
  emails.count = 3
  const response = await server.inject('/api/emails/messages/m2')
  assert.equal(response.statusCode, 200)
  assertFits(Email, response.json())
  assert.equal(response.json().id, 'm2')
  const missing = await server.inject('/api/emails/messages/m9')
  assert.equal(missing.statusCode, 404)
  assert.equal(missing.json().code, 'message_not_found')
})

test('content is answered as a file to be saved: typed, sized, tagged by its hash, and never as a page', async () => {
  const { server, blob } = await aServerWith()
  const { statusCode, headers, body } = await server.inject(URL)
  assert.equal(statusCode, 200)
  assert.equal(body, TEXT)
  assert.equal(headers['content-type'], 'application/pdf')
  assert.equal(headers['content-length'], String(TEXT.length))
  assert.equal(headers['content-disposition'], 'attachment; filename=plan.pdf')
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.equal(headers['content-security-policy'], "sandbox; default-src 'none'")
  assert.equal(headers.etag, `"${blob.sha256}"`)
})

const NAMES: [name: string | null, saved: string][] = [
  [null, 'attachment'],
  ['', 'attachment'],
  ['../../etc/passwd', 'passwd'],
  ['C:\\Users\\x\\run.exe', 'run.exe'],
  ['.bashrc', 'bashrc'],
  ['a"b;c\r\nSet-Cookie: x=1.txt', 'ab;cSet-Cookie: x=1.txt'],
  ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
  ['Übersicht – 2026.pdf', 'Übersicht – 2026.pdf'],
]

for (const [name, saved] of NAMES) {
  test(`an attachment named ${JSON.stringify(name)} is saved as ${JSON.stringify(saved)}`, async () => {
    const { server } = await aServerWith({ name })
    const { headers } = await server.inject(URL)
    const { type, parameters } = parseContentDisposition(String(headers['content-disposition']))
    assert.deepEqual([type, parameters.filename], ['attachment', saved])
  })
}

for (const contentType of [null, 'text/html; charset=utf-8\r\nx: y', 'nonsense', 'text/html\u0000']) {
  test(`a type ${JSON.stringify(contentType)} that is none is answered as bytes`, async () => {
    const { server } = await aServerWith({ contentType })
    assert.equal((await server.inject(URL)).headers['content-type'], 'application/octet-stream')
  })
}

test('a range is answered with just that, one that lies outside is refused, several get the whole', async () => {
  const { server, blob } = await aServerWith()
  const ask = (range: string, more = {}) => server.inject({ url: URL, headers: { range, ...more } })
  const part = await ask('bytes=4-10')
  assert.equal(part.statusCode, 206)
  assert.equal(part.body, TEXT.slice(4, 11))
  assert.equal(part.headers['content-range'], `bytes 4-10/${TEXT.length}`)
  assert.equal((await ask('bytes=-5')).body, TEXT.slice(-5))
  assert.equal((await ask('bytes=20-')).body, TEXT.slice(20))
  const outside = await ask(`bytes=${TEXT.length}-`)
  assert.equal(outside.statusCode, 416)
  assert.equal(outside.headers['content-range'], `bytes */${TEXT.length}`)
  assert.equal(outside.json().code, 'range_not_satisfiable')
  for (const range of ['bytes=0-1,4-5', 'lines=1-2', 'nonsense']) {
    const whole = await ask(range)
    assert.equal(whole.statusCode, 200, range)
    assert.equal(whole.body, TEXT)
  }
  assert.equal((await ask('bytes=4-10', { 'if-range': '"another"' })).statusCode, 200)
  assert.equal((await ask('bytes=4-10', { 'if-range': `"${blob.sha256}"` })).statusCode, 206)
})

test('HEAD tells all but the bytes, and what a caller already has is not sent again', async () => {
  const { server, blob } = await aServerWith()
  const head = await server.inject({ method: 'HEAD', url: URL })
  assert.equal(head.statusCode, 200)
  assert.equal(head.body, '')
  assert.equal(head.headers['content-length'], String(TEXT.length))
  const same = await server.inject({ url: URL, headers: { 'if-none-match': `"${blob.sha256}"` } })
  assert.equal(same.statusCode, 304)
  assert.equal(same.body, '')
})

test('content that is not stored, or that the blob store has lost, is told apart, and the lost one will be fetched again', async () => {
  const { server, emails, blobs, blob } = await aServerWith()
  emails.contents.set('m1 a2', { blob: undefined, name: null, contentType: null })
  const absent = await server.inject('/api/emails/messages/m1/attachments/a2')
  assert.deepEqual([absent.statusCode, absent.json().code], [404, 'content_not_stored'])
  const unknown = await server.inject('/api/emails/messages/m1/attachments/a3')
  assert.deepEqual([unknown.statusCode, unknown.json().code], [404, 'message_not_found'])

  await blobs.delete(blob.sha256)
  const lost = await server.inject(URL)
  assert.deepEqual([lost.statusCode, lost.json().code], [410, 'content_lost'])
  assert.deepEqual(emails.forgotten, [blob])
})

test('the MIME of a message is answered where it was asked for', async () => {
  const { server, emails, blob } = await aServerWith()
  emails.contents.set('m1', { blob, name: 'message.eml', contentType: 'message/rfc822' })
  const mime = await server.inject('/api/emails/messages/m1/mime')
  assert.equal(mime.body, TEXT)
  assert.equal(mime.headers['content-disposition'], 'attachment; filename=message.eml')
  assert.equal((await server.inject('/api/emails/messages/m2/mime')).json().code, 'content_not_stored')
})

test('a mailbox of which nothing is stored cannot be erased', async () => {
  const { server } = aServer()
  const erase = (upn: string) => server.inject({ method: 'DELETE', url: `/api/emails/mailboxes/${upn}` })
  assert.equal((await erase('user@example.com')).statusCode, 200)
  const unknown = await erase('nobody@example.com')
  assert.deepEqual([unknown.statusCode, unknown.json().code], [404, 'mailbox_not_stored'])
  assert.equal((await erase('nonsense')).statusCode, 400)
})
