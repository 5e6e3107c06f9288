import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { REFUSALS } from './refusals.ts'
import { type Simulator, startSimulator } from './simulator.ts'
import { TestClient } from './test-client.ts'

let simulator: Simulator
let client: TestClient

before(async () => {
  simulator = await startSimulator()
  client = new TestClient(simulator)
})
after(async () => {
  await client.close()
  await simulator.close()
})

test('users come in pages of at most 999 that go on by $skiptoken', async () => {
  const all = await client.walk('/users?$select=userPrincipalName&$top=4')
  assert.ok(all.pages.length > 3)
  assert.ok(all.pages.slice(0, -1).every(({ length }) => length === 4))
  assert.equal((await client.get('/users?$top=1000')).status, 400)
  assert.equal((await client.get('/users')).body.value.length, all.items.length)
})

test('a user is found by id, by name in any case, in parentheses and with encoded signs', async () => {
  const guest = 'guest_fabrikam.example#EXT#@contoso.example'
  const siobhan = "siobhan.o'neill@contoso.example"
  for (const path of [
    '/users/ADELE.vance@contoso.example',
    "/users('adele.vance@contoso.example')",
    `/users/${encodeURIComponent(guest)}`,
    `/users/${siobhan}`,
    `/users('${siobhan.replace("'", "''")}')`,
    `/users/${encodeURIComponent(siobhan)}`,
  ]) {
    assert.equal((await client.get(path)).status, 200, path)
  }
  const adele = (await client.get('/users/adele.vance@contoso.example')).body
  assert.equal((await client.get(`/users/${adele.id}`)).body.userPrincipalName, 'adele.vance@contoso.example')
  const nobody = await client.get('/users/nobody@contoso.example')
  assert.deepEqual([nobody.status, nobody.body.error.code], [404, 'Request_ResourceNotFound'])
})

test('simple user filters work and advanced ones want ConsistencyLevel and $count', async () => {
  const byMail = await client.get("/users?$filter=mail eq 'adele.vance@contoso.example'")
  assert.deepEqual(
    byMail.body.value.map(({ displayName }) => displayName),
    ['Adele Vance'],
  )
  const guests = await client.get("/users?$filter=userType eq 'Guest'&$select=userType")
  assert.deepEqual(
    guests.body.value.map(({ userType }) => userType),
    ['Guest'],
  )
  const advanced = '/users?$filter=mail ne null&$count=true&$top=3'
  assert.equal((await client.get(advanced)).body.error.code, 'Request_UnsupportedQuery')
  const counted = await client.get(advanced, { ConsistencyLevel: 'eventual' })
  assert.ok((counted.body['@odata.count'] ?? 0) > 3)
  const second = await client.get(counted.body['@odata.nextLink'] ?? '', { ConsistencyLevel: 'eventual' })
  assert.equal(second.body['@odata.count'], undefined)
  assert.equal((await client.get('/users?$select=mailboxSettings')).status, 501)
})

test('group members are direct ones of all kinds, transitive ones come flat', async () => {
  const groups = (await client.get('/groups')).body.value
  const everybody = groups.find(({ displayName }) => displayName === 'Everybody')?.id
  const types = (await client.get(`/groups/${everybody}/members`)).body.value.map((member) => member['@odata.type'])
  assert.deepEqual([...new Set(types)].sort(), [
    '#microsoft.graph.group',
    '#microsoft.graph.orgContact',
    '#microsoft.graph.user',
  ])
  const direct = await client.get(`/groups/${everybody}/members/microsoft.graph.user?$count=true`, {
    ConsistencyLevel: 'eventual',
  })
  const transitive = await client.get(`/groups/${everybody}/transitiveMembers/microsoft.graph.user?$count=true`, {
    ConsistencyLevel: 'eventual',
  })
  assert.deepEqual([direct.body.value.length, transitive.body.value.length], [2, 5])
})

test('every kind of mailbox that cannot be read is refused in its own way', async () => {
  for (const [name, { scope, status, code, message }] of Object.entries(REFUSALS)) {
    const user = `/users/${name}@contoso.example`
    const paths: Record<typeof scope, string[]> = {
      all: ['/mailFolders/inbox?$select=id'],
      mail: ['/mailFolders/inbox?$select=id'],
      delta: ['/mailFolders/inbox/messages/delta', '/mailFolders/delta'],
      folder_delta: ['/mailFolders/delta'],
    }
    for (const path of paths[scope]) {
      const answer = await client.get(user + path)
      assert.deepEqual([answer.status, answer.body.error.code, answer.body.error.message], [status, code, message])
    }
    if (scope === 'delta' || scope === 'folder_delta')
      assert.equal((await client.get(`${user}/mailFolders/inbox/messages`)).status, 200)
    if (scope === 'folder_delta')
      assert.equal((await client.get(`${user}/mailFolders/inbox/messages/delta`)).status, 200)
  }
})

test('what Graph does not know is refused as Graph refuses it', async () => {
  const user = '/users/user@example.com'
  for (const [path, status, code] of [
    ['/nothing', 400, 'BadRequest'],
    ['/me/messages', 400, 'BadRequest'],
    ['/users//messages', 400, 'BadRequest'],
    [`${user}/nothing`, 400, 'BadRequest'],
    [`${user}/messages?$nothing=1`, 400, 'BadRequest'],
    [`${user}/messages?$select=nothing`, 400, 'RequestBroker--ParseUri'],
    [`${user}/messages?$top=x`, 400, 'BadRequest'],
    [`${user}/messages?$top=0`, 400, 'BadRequest'],
    [`${user}/messages?$filter=nothing eq 1`, 400, 'BadRequest'],
    [`${user}/messages?$filter=isRead eq`, 400, 'BadRequest'],
    [`${user}/messages/abc`, 400, 'ErrorInvalidIdMalformed'],
    [`${user}/mailFolders/nothing`, 404, 'ErrorItemNotFound'],
    [`${user}/mailFolders/archive`, 404, 'ErrorItemNotFound'],
  ] as const) {
    const answer = await client.get(path)
    assert.deepEqual([answer.status, answer.body.error.code], [status, code], path)
  }
  assert.equal((await client.graph('PATCH', `${user}/messages/abc`, {}, '{}')).status, 405)
})

test('every answer names its request, and errors repeat it inside', async () => {
  const ok = await client.get('/users', { 'client-request-id': 'mine' })
  assert.equal(ok.headers['client-request-id'], 'mine')
  assert.match(String(ok.headers['request-id']), /^[0-9a-f-]{36}$/)
  assert.match(String(ok.headers['x-ms-ags-diagnostic']), /ServerInfo/)
  const refused = await client.get('/users/nobody', { 'client-request-id': 'mine' })
  const { innerError } = refused.body.error
  assert.equal(innerError['client-request-id'], 'mine')
  assert.ok(innerError.date && innerError['request-id'])
})
