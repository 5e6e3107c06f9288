import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { EXTRACTION_STATUSES, type ExtractionStatus } from '../../extractions/extraction-status.ts'
import { type Email, NotReady, ResultAnswer } from '../contract.ts'
import { aServer, assertFits } from '../test-support.ts'

const URL_PATH = '/api/emails/extract/result/conn1'

async function copiedMailbox(count: number, status: ExtractionStatus = 'completed') {
  const api = aServer()
  const payload = { user_upn: 'user@example.com' }
  await api.server.inject({ method: 'POST', url: '/api/emails/extract/start/conn1', payload })
  api.extractions.force('conn1', status)
  api.emails.count = count
  return api
}

/** The server on a real socket, and a request for the result whose answer is read as the test pleases. */
async function openResult(api: Awaited<ReturnType<typeof copiedMailbox>>) {
  await api.server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = api.server.server.address() as AddressInfo
  const request = http.get({ host: '127.0.0.1', port, path: URL_PATH, agent: false })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  // So that a test that fails half way does not leave its reader behind.
  return { response, origin: `http://127.0.0.1:${port}`, [Symbol.dispose]: () => void response.destroy() }
}

const ids = (emails: Email[]) => emails.map(({ id }) => id)
const newestFirst = (count: number) => Array.from({ length: count }, (_, index) => `m${count - index}`)

test('a result never started is a 404', async () => {
  const response = await aServer().server.inject(URL_PATH)
  assert.equal(response.statusCode, 404)
  assert.equal(response.json().code, 'extraction_not_found')
})

test('the whole result is one object, its keys in the order of the contract, newest mail first', async () => {
  const { server } = await copiedMailbox(450)
  const response = await server.inject(URL_PATH)
  assert.equal(response.statusCode, 200)
  assert.match(String(response.headers['content-type']), /^application\/json/)
  const answer: ResultAnswer = response.json()
  assertFits(ResultAnswer, answer)
  assert.deepEqual(Object.keys(answer), [
    'connection_id',
    'extraction_id',
    'user_upn',
    'status',
    'started_at',
    'completed_at',
    'total',
    'emails',
    'next_cursor',
  ])
  assert.equal(answer.total, 450)
  assert.equal(answer.next_cursor, null)
  assert.deepEqual(ids(answer.emails), newestFirst(450))
})

test('a result without mail is an empty list', async () => {
  const { server } = await copiedMailbox(0)
  const answer = (await server.inject(URL_PATH)).json()
  assertFits(ResultAnswer, answer)
  assert.deepEqual([answer.emails, answer.total], [[], 0])
})

test('an email begins with the names of the original, and has body_text only where it was kept', async () => {
  const { server, emails } = await copiedMailbox(1)
  const [email] = (await server.inject(URL_PATH)).json<ResultAnswer>().emails
  assert.deepEqual(Object.keys(email ?? {}).slice(0, 17), [
    'id',
    'user_upn',
    'subject',
    'body',
    'body_preview',
    'importance',
    'conversation_id',
    'created_date_time',
    'received_date_time',
    'sent_date_time',
    'has_attachments',
    'is_draft',
    'is_read',
    'parent_folder_id',
    'folder_name',
    'recipients',
    'attachments',
  ])
  assert.ok(!('body_text' in (email ?? {})))

  const { listEmails } = emails
  emails.listEmails = async (id, query) => {
    const { items, next } = await listEmails.call(emails, id, query)
    return { items: items.map((item) => ({ ...item, body_text: 'plain' })), next }
  }
  assert.equal((await server.inject(URL_PATH)).json<ResultAnswer>().emails[0]?.body_text, 'plain')
})

test('before it has completed the result is a 202, and partial=true answers what is stored', async () => {
  for (const status of EXTRACTION_STATUSES.filter((one) => one !== 'completed')) {
    const { server } = await copiedMailbox(3, status)
    const waiting = await server.inject(URL_PATH)
    assert.equal(waiting.statusCode, 202)
    assertFits(NotReady, waiting.json())
    assert.equal(waiting.json().status, status)

    const partial = await server.inject(`${URL_PATH}?partial=true`)
    assert.equal(partial.statusCode, 200)
    assert.equal(partial.json().status, status)
    assert.equal(partial.json().emails.length, 3)
  }
})

test('pages follow each other by cursor without loss or repetition', async () => {
  const { server } = await copiedMailbox(25)
  const seen: string[] = []
  let query = '?limit=10'
  for (;;) {
    const answer: ResultAnswer = (await server.inject(URL_PATH + query)).json()
    assertFits(ResultAnswer, answer)
    assert.equal(answer.total, 25)
    seen.push(...ids(answer.emails))
    if (answer.next_cursor === null) break
    query = `?limit=10&cursor=${answer.next_cursor}`
  }
  assert.deepEqual(seen, newestFirst(25))
})

test('a database that is away when a result begins is answered as a failure', async () => {
  const { server, emails } = await copiedMailbox(450)
  emails.failAtSlice = 1
  const response = await server.inject(URL_PATH)
  assert.equal(response.statusCode, 503)
  assert.equal(response.json().code, 'database_unavailable')
})

test('a failure in mid-stream breaks the connection off, so nobody takes half a list for a whole one', async () => {
  const api = await copiedMailbox(4000)
  await using _server = api.server
  api.emails.bodyCharacters = 2000
  api.emails.failAtSlice = 10
  using opened = await openResult(api)
  const { response } = opened
  assert.equal(response.statusCode, 200)
  await assert.rejects(async () => {
    for await (const _chunk of response);
  }, /aborted/)
  assert.equal(response.complete, false)
})

test('a reader that stops reading holds back the reading of the database', async () => {
  const api = await copiedMailbox(8000)
  await using _server = api.server
  api.emails.bodyCharacters = 20_000
  const slices = 8000 / 200

  using opened = await openResult(api)
  const { response, origin } = opened
  await once(response, 'readable')
  // Each call here and back gives a stream that ran ahead time for many more slices.
  for (let call = 0; call < 300; call++) await (await fetch(`${origin}/health`)).text()
  const whileStopped = api.emails.queries.length
  assert.ok(whileStopped < slices / 2, `${whileStopped} of ${slices} slices were asked for`)

  let end = ''
  for await (const chunk of response) end = (end + chunk).slice(-40)
  assert.match(end, /\],"next_cursor":null\}$/)
  assert.equal(api.emails.queries.length, slices)
})

test('when the reader goes away no more slices are asked for', async () => {
  const api = await copiedMailbox(8000)
  await using _server = api.server
  api.emails.bodyCharacters = 20_000
  using opened = await openResult(api)
  const { response, origin } = opened
  const [socket] = [response.socket]
  response.destroy()
  await new Promise((resolve) => (socket.closed ? resolve(undefined) : socket.once('close', resolve)))
  for (let call = 0; call < 20; call++) await (await fetch(`${origin}/health`)).text()
  const afterClose = api.emails.queries.length
  for (let call = 0; call < 100; call++) await (await fetch(`${origin}/health`)).text()
  assert.equal(api.emails.queries.length, afterClose)
  assert.ok(afterClose < 20)
})

test('a service that stops does not wait for a reader that does not read', async () => {
  const api = await copiedMailbox(8000)
  api.emails.bodyCharacters = 20_000
  using opened = await openResult(api)
  await once(opened.response, 'readable')
  await api.server.close()
  await assert.rejects(async () => {
    for await (const _chunk of opened.response);
  }, /aborted/)
})
