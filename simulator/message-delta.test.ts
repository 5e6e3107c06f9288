import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Mutation } from './mutations.ts'
import { startSimulator } from './simulator.ts'
import { type Item, idsOf, TestClient } from './test-client.ts'

const UPN = 'someone@example.com'
const DELTA = `/users/${UPN}/mailFolders/inbox/messages/delta`
const SMALL_PAGES = { prefer: 'IdType="ImmutableId", odata.maxpagesize=20' }

async function open(messages = 90) {
  const simulator = await startSimulator({ demo: false, mailboxes: [{ name: UPN, messages }] })
  const client = new TestClient(simulator)
  const stack = new AsyncDisposableStack()
  stack.use(simulator)
  stack.use(client)
  return { simulator, client, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** What a copy holds that has replayed the items in their order. */
function replay(items: readonly Item[], copy = new Map<string, Item>()): Map<string, Item> {
  for (const item of items) {
    if (item['@removed']) copy.delete(item.id)
    else copy.set(item.id, { ...copy.get(item.id), ...item })
  }
  return copy
}

test('a first round gives every message once, with its type and etag, and ends in a delta link', async () => {
  await using world = await open()
  const { client, simulator } = world
  const { items, pages, deltaLink } = await client.walk(DELTA, SMALL_PAGES)
  assert.deepEqual(
    pages.map(({ length }) => length),
    [20, 20, 20, 20, 10],
  )
  const truth = [...simulator.truth(UPN)].flatMap((line) => (line.type === 'message' ? [line.id] : []))
  assert.deepEqual(idsOf(items), truth)
  assert.ok(items.every((item) => item['@odata.type'] && item['@odata.etag'] === `W/"${item.changeKey}"`))
  assert.match(deltaLink, /\$deltatoken=/)
  const quiet = await client.get(deltaLink, SMALL_PAGES)
  assert.deepEqual(quiet.body.value, [])
  assert.ok(quiet.body['@odata.deltaLink'])
})

test('delta() is delta, the page size is the header of each request, and $select is kept in the links', async () => {
  await using world = await open()
  const { client } = world
  const first = await client.get(`${DELTA}()?$select=id,changeKey`)
  assert.equal(first.body.value.length, 10)
  const second = await client.get(first.body['@odata.nextLink'] ?? '', { prefer: 'odata.maxpagesize=33' })
  assert.equal(second.body.value.length, 33)
  assert.deepEqual(Object.keys(second.body.value[0] ?? {}).sort(), ['@odata.etag', '@odata.type', 'changeKey', 'id'])
})

test('changes during the first round are told in the same round', async () => {
  await using world = await open()
  const { client, simulator } = world
  const first = await client.get(DELTA, SMALL_PAGES)
  const [arrived] = simulator.mutate(
    { user: UPN, type: 'arrive', count: 3 },
    { user: UPN, type: 'delete', hard: true, folder: 'inbox', position: 8, count: 2 },
    { user: UPN, type: 'move', folder: 'inbox', position: 50, to: 'deleteditems' },
    { user: UPN, type: 'edit', folder: 'inbox', position: 10, subject: 'Edited' },
    { user: UPN, type: 'edit', folder: 'inbox', position: 60, subject: 'Edited too' },
  )
  const rest = await client.walk(first.body['@odata.nextLink'] ?? '', SMALL_PAGES)
  const items = [...first.body.value, ...rest.items]
  assert.equal(items.filter((item) => item['@removed']).length, 3)
  assert.ok(arrived?.messages.every((id) => idsOf(items).includes(id)))
  const copy = replay(items)
  assert.deepEqual([...copy.keys()].sort(), inboxIds(simulator.truth(UPN)).sort())
  assert.equal([...copy.values()].filter(({ subject }) => String(subject).startsWith('Edited')).length, 2)
  assert.ok(items.length > copy.size + 3, 'edited messages are told twice')
})

test('later rounds give changes only: a read state alone comes as a part, a move as a removal and an arrival', async () => {
  await using world = await open()
  const { client, simulator } = world
  const inbox = await client.walk(DELTA, SMALL_PAGES)
  const deleted = await client.walk(DELTA.replace('inbox', 'deleteditems'), SMALL_PAGES)
  const [read, moved] = simulator.mutate(
    { user: UPN, type: 'mark_read', folder: 'inbox', is_read: false },
    { user: UPN, type: 'move', folder: 'inbox', position: 5, to: 'deleteditems' },
  )
  const changes = await client.walk(inbox.deltaLink, SMALL_PAGES)
  assert.deepEqual(changes.items, [
    { '@odata.type': '#microsoft.graph.message', id: read?.messages[0], isRead: false },
    { '@odata.type': '#microsoft.graph.message', id: moved?.messages[0], '@removed': { reason: 'deleted' } },
  ])
  const arrivals = await client.walk(deleted.deltaLink, SMALL_PAGES)
  assert.deepEqual(idsOf(arrivals.items), moved?.messages)
})

test('with mutable ids a message that moves away and back is removed under its old id', async () => {
  await using world = await open()
  const { client, simulator } = world
  const before = await client.walk(DELTA)
  simulator.mutate(
    { user: UPN, type: 'move', folder: 'inbox', position: 0, to: 'deleteditems' },
    { user: UPN, type: 'move', folder: 'deleteditems', position: 0, to: 'inbox' },
  )
  const { items } = await client.walk(before.deltaLink)
  assert.deepEqual(
    items.map((item) => [item.id === before.items[0]?.id, '@removed' in item]),
    [
      [true, true],
      [false, false],
    ],
  )
})

test('whatever happens between the pages, replaying the round gives the truth', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    await using world = await open(70)
    const { client, simulator } = world
    const copy = new Map<string, Item>()
    let link = DELTA
    for (let page = 0; page < 40; page++) {
      const { body } = await client.get(link, SMALL_PAGES)
      replay(body.value, copy)
      link = body['@odata.nextLink'] ?? body['@odata.deltaLink'] ?? ''
      if (page < 15) simulator.mutate({ user: UPN, type: 'random', seed: seed * 100 + page, count: 6 })
    }
    assert.deepEqual([...copy.keys()].sort(), inboxIds(simulator.truth(UPN)).sort(), `seed ${seed}`)
    for (const line of simulator.truth(UPN)) {
      if (line.type !== 'message' || !copy.has(line.id)) continue
      assert.equal(copy.get(line.id)?.isRead, line.is_read)
      assert.equal(copy.get(line.id)?.subject, line.subject)
    }
  }
})

test('delta tokens die in every way that is known, and mangled ones are badly formed', async () => {
  await using world = await open(30)
  const { client, simulator } = world
  const deaths = [
    ['gone', 410, 'SyncStateNotFound', false],
    ['gone_with_location', 410, 'SyncStateNotFound', true],
    ['sync_state_not_found', 404, 'syncStateNotFound', false],
    ['resync_required', 410, 'resyncRequired', true],
    ['badly_formed', 400, 'BadRequest', false],
  ] as const
  for (const [death, status, code, hasLocation] of deaths) {
    const first = await client.get(`${DELTA}?$select=subject`)
    simulator.mutate({ user: UPN, type: 'expire_tokens', folder: 'inbox', death } satisfies Mutation)
    const answer = await client.get(first.body['@odata.nextLink'] ?? '')
    assert.deepEqual([answer.status, answer.body.error.code], [status, code])
    assert.equal(answer.headers.location !== undefined, hasLocation)
    if (hasLocation) assert.equal((await client.walk(String(answer.headers.location))).items.length, 30)
  }
  const malformed = await client.get(`${DELTA}?$deltatoken=abc`)
  assert.deepEqual([malformed.status, malformed.body.error.message], [400, 'Badly formed token.'])
  assert.equal((await client.get(`${DELTA}?$deltatoken=latest`)).status, 400)
})

test('options that change tracking does not know are refused, and the whole mailbox has none', async () => {
  await using world = await open(10)
  const { client } = world
  for (const option of [
    '$search=x',
    '$skip=5',
    '$filter=isRead eq true',
    '$filter=receivedDateTime lt 2026-01-01T00:00:00Z',
    '$orderby=subject',
  ]) {
    assert.equal((await client.get(`${DELTA}?${option}`)).status, 400, option)
  }
  const whole = await client.get(`/users/${UPN}/messages/delta`)
  assert.match(whole.body.error.message, /Change tracking is not supported/)
})

test('a filter by date caps the round at 5,000 messages, and $top ends it early', async () => {
  await using world = await open(6000)
  const { client } = world
  const large = { prefer: 'odata.maxpagesize=1000' }
  const filtered = await client.walk(`${DELTA}?$select=id&$filter=receivedDateTime ge 2000-01-01T00:00:00Z`, large)
  assert.equal(filtered.items.length, 5000)
  assert.equal((await client.walk(`${DELTA}?$select=id&$top=15`)).items.length, 15)
})

function inboxIds(truth: Iterable<{ type: string; id: string }>): string[] {
  const lines = [...truth] as { type: string; id: string; alias?: string; folder_id?: string }[]
  const inbox = lines.find(({ alias }) => alias === 'inbox')?.id
  return lines.filter(({ folder_id }) => folder_id === inbox).map(({ id }) => id)
}
