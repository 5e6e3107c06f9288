import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AppError } from '../errors.ts'
import { INBOX, never, openingTraffic, openMailbox, startFakeGraph, TOP, USER } from './testing/fake-graph.ts'
import { json, refuse } from './testing/scripted-server.ts'

test('a mailbox is opened by its address and known by its object id from then on', async () => {
  await using fake = await startFakeGraph()
  const mailbox = await openMailbox(fake)
  assert.equal(mailbox.objectId, 'u1')
  assert.equal(mailbox.userUpn, 'Ann@contoso.example')
  assert.deepEqual(fake.paths(), [USER, TOP])
})

test('usage is told once, from the first request on', async () => {
  await using fake = await startFakeGraph()
  const traffic = await openingTraffic(fake)
  assert.deepEqual(traffic.takeUsage(), { requests: 2, retries: 0, throttledMs: 0 })
  assert.deepEqual(traffic.takeUsage(), { requests: 0, retries: 0, throttledMs: 0 })
})

test('odd addresses stay one segment of the path', async () => {
  await using fake = await startFakeGraph()
  const addresses = ['a_b.com#EXT#@t.example', "o'hara@t.example", '../groups?x', '$odd@t.example', "$o'dd@t.example"]
  for (const address of addresses) await fake.graph.mailboxes.open(address, {}, never).mailbox.catch(() => {})
  assert.deepEqual(fake.paths(), [
    '/users/a_b.com%23EXT%23%40t.example',
    "/users/o'hara%40t.example",
    '/users/..%2Fgroups%3Fx',
    "/users('%24odd%40t.example')",
    "/users('%24o''dd%40t.example')",
  ])
})

describe('a mailbox that cannot be read is one clear error:', () => {
  const rows = [
    { at: USER, status: 404, graph: 'Request_ResourceNotFound', code: 'mailbox_not_found' },
    { at: USER, status: 403, graph: 'Authorization_RequestDenied', code: 'directory_access_denied' },
    { at: TOP, status: 404, graph: 'MailboxNotEnabledForRESTAPI', code: 'mailbox_unavailable' },
    { at: TOP, status: 404, graph: 'ErrorItemNotFound', code: 'mailbox_unavailable' },
    { at: TOP, status: 404, graph: 'ResourceNotFound', code: 'mailbox_unavailable' },
    { at: TOP, status: 404, graph: 'ErrorInvalidUser', code: 'mailbox_not_found' },
    { at: TOP, status: 403, graph: 'ErrorAccessDenied', code: 'mailbox_access_denied' },
    { at: TOP, status: 403, graph: 'ErrorAccessDenied', message: '[RAOP]', code: 'mailbox_access_blocked' },
  ]
  for (const { at, status, graph, message = '', code } of rows) {
    test(`${graph} ${message} → ${code}`, async () => {
      await using fake = await startFakeGraph({ [at]: [refuse(status, graph, { message })] })
      await assert.rejects(openMailbox(fake), (error) => error instanceof AppError && error.code === code)
    })
  }
})

test('what shows no folder at all is a mailbox if it has an Inbox', async () => {
  await using fake = await startFakeGraph({ [TOP]: [json({ value: [] })] })
  await openMailbox(fake)
  fake.routes[INBOX] = [refuse(404, 'ErrorItemNotFound')]
  await assert.rejects(openMailbox(fake), { code: 'mailbox_unavailable' })
})

test('credentials that are missing are named before anything is asked', async () => {
  await using fake = await startFakeGraph()
  const { connectGraph } = await import('./graph.ts')
  const graph = connectGraph({ graphUrl: fake.url, loginUrl: fake.url, defaults: {}, clock: fake.clock })
  assert.throws(
    () => graph.mailboxes.open('ann@contoso.example', {}, never),
    (error) => error instanceof AppError && error.code === 'config_missing',
  )
  assert.equal(fake.requests.length, 0)
})

test('two extractions of one mailbox in a row share its limits, so a fence outlives the first', async () => {
  const throttled = refuse(429, 'TooManyRequests', { headers: { 'retry-after': '40' } })
  await using fake = await startFakeGraph({ [TOP]: [throttled, json({ value: [{ id: 'f-inbox' }] })] })
  assert.equal((await openingTraffic(fake)).takeUsage().throttledMs, 40_000)
  assert.equal((await openingTraffic(fake)).takeUsage().throttledMs, 0)
})
