import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Simulator, startSimulator } from './simulator.ts'
import { type Item, idsOf, TestClient } from './test-client.ts'

const ADELE = '/users/adele.vance@contoso.example'

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

test('a listing shows the children of the root only, ten at a time, hidden ones only when asked for', async () => {
  const visible = await client.walk(`${ADELE}/mailFolders`)
  assert.deepEqual(
    visible.pages.map(({ length }) => length),
    [10],
  )
  const all = await client.walk(`${ADELE}/mailFolders?includeHiddenFolders=true`)
  assert.deepEqual(
    all.pages.map(({ length }) => length),
    [10, 2],
  )
  const names = all.items.map(({ displayName }) => displayName)
  assert.ok(names.includes('Clutter') && !visible.items.some(({ displayName }) => displayName === 'Clutter'))
  assert.ok(!names.includes('Projects') && !names.includes('Old server') && !names.includes('Deletions'))
})

test('folders lie at least four deep, more than ten on a level, and a search folder says what it is', async () => {
  const everything = await walkFolders()
  const depth = (folder: Item): number => {
    const parent = everything.find(({ id }) => id === folder.parentFolderId)
    return parent ? depth(parent) + 1 : 1
  }
  assert.ok(Math.max(...everything.map(depth)) >= 4)
  assert.equal(everything.filter(({ displayName }) => String(displayName).startsWith('Customer ')).length, 13)
  const search = everything.filter((folder) => folder['@odata.type'] === '#microsoft.graph.mailSearchFolder')
  assert.deepEqual(
    search.map(({ displayName }) => displayName),
    ['Large mail'],
  )
})

test('well-known names stand for ids, and recoverable items answer by name alone', async () => {
  const inbox = await client.get(`${ADELE}/mailFolders/inbox`)
  assert.equal((await client.get(`${ADELE}/mailFolders/${inbox.body.id}`)).body.displayName, 'Inbox')
  assert.equal((await client.get(`${ADELE}/mailFolders('Inbox')`)).body.id, inbox.body.id)
  const german = await client.get('/users/juergen.mueller@contoso.example/mailFolders/inbox')
  assert.equal(german.body.displayName, 'Posteingang')
  assert.equal((await client.get(`${ADELE}/mailFolders/recoverableitemsdeletions/messages/$count`)).text, '6')
})

test('totalItemCount may count what no listing gives', async () => {
  const history = await client.get(`${ADELE}/mailFolders/conversationhistory`)
  assert.equal(history.body.totalItemCount, 7)
  assert.equal((await client.get(`${ADELE}/mailFolders/conversationhistory/messages/$count`)).text, '3')
})

test('folder delta gives the tree flat, then only what has changed', async () => {
  const user = '/users/user1@example.com'
  const first = await client.walk(`${user}/mailFolders/delta`, { prefer: 'odata.maxpagesize=2' })
  assert.ok(first.pages.length > 1)
  const before = await client.get(`${user}/mailFolders`)
  assert.ok(first.items.length > before.body.value.length)
  const [created] = simulator.mutate(
    { user: 'user1@example.com', type: 'create_folder', name: 'New', parent: 'inbox' },
    { user: 'user1@example.com', type: 'rename_folder', folder: 'Inbox/Family', name: 'Home' },
    { user: 'user1@example.com', type: 'delete_folder', folder: 'drafts' },
  )
  const later = await client.walk(first.deltaLink)
  assert.deepEqual(
    later.items.map(({ displayName }) => displayName),
    ['New', 'Home', undefined],
  )
  assert.equal(later.items[0]?.id, created?.folder)
  assert.deepEqual(later.items[2]?.['@removed'], { reason: 'deleted' })
})

test('a deleted folder is gone, and its delta says so in its own words', async () => {
  const user = '/users/user2@example.com'
  const family = (await client.get(`${user}/mailFolders/inbox/childFolders`)).body.value[0]?.id
  const { deltaLink } = await client.walk(`${user}/mailFolders/${family}/messages/delta`)
  simulator.mutate({ user: 'user2@example.com', type: 'delete_folder', folder: 'Inbox/Family' })
  assert.equal((await client.get(`${user}/mailFolders/${family}/messages`)).body.error.code, 'ErrorItemNotFound')
  assert.equal((await client.get(deltaLink)).body.error.code, 'ErrorSyncFolderNotFound')
  assert.ok(![...simulator.truth('user2@example.com')].some((line) => line.id === family))
})

async function walkFolders(path = `${ADELE}/mailFolders`): Promise<Item[]> {
  const { items } = await client.walk(`${path}?includeHiddenFolders=true`)
  const below = await Promise.all(idsOf(items).map((id) => walkFolders(`${ADELE}/mailFolders/${id}/childFolders`)))
  return [...items, ...below.flat()]
}
