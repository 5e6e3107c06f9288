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

test('folder delta leaves out what is hidden, what no listing shows, and the root', async () => {
  const { pages, items } = await client.walk(`${ADELE}/mailFolders/delta`)
  const visible = (await walkFolders()).filter(({ isHidden }) => !isHidden)
  assert.deepEqual(idsOf(items).sort(), idsOf(visible).sort())
  assert.equal(pages[0]?.length, 10, 'ten at a time, where nothing else is asked for')
  const inbox = items.find(({ displayName }) => displayName === 'Inbox')
  assert.deepEqual(inbox, (await client.get(`${ADELE}/mailFolders`)).body.value[0], 'with everything a listing tells')
  assert.ok(items.some((folder) => folder['@odata.type'] === '#microsoft.graph.mailSearchFolder'))
})

test('folder delta takes $select alone, keeps it in its links, and says what it made of the headers', async () => {
  const path = `${ADELE}/mailFolders/delta`
  const first = await client.get(`${path}?$select=id,displayName`, {
    prefer: 'IdType="ImmutableId", odata.maxpagesize=3',
  })
  assert.match(String(first.headers['preference-applied']), /ImmutableId.*odata\.maxpagesize=3/)
  const { items } = await client.walk(first.body['@odata.nextLink'] ?? '')
  const names = [...first.body.value, ...items]
    .filter((folder) => folder['@odata.type'] === undefined)
    .map((folder) => Object.keys(folder).join())
  assert.deepEqual([...new Set(names)], ['id,displayName'])
  assert.equal((await client.get(`${path}?$filter=isHidden eq true`)).status, 400)
})

test('folder delta may be made to show everything, or the top alone', async () => {
  const user = 'info@contoso.example'
  const path = `/users/${user}/mailFolders`
  const top = idsOf((await client.walk(path)).items)
  simulator.mutate({ user, type: 'folder_delta', shows: 'top_level' })
  assert.deepEqual(idsOf((await client.walk(`${path}/delta`)).items).sort(), top.sort())
  simulator.mutate({ user, type: 'folder_delta', shows: 'everything' })
  const everything = (await client.walk(`${path}/delta`)).items
  const names = everything.map(({ displayName }) => displayName)
  assert.ok(names.includes('Top of Information Store') && names.includes('Clutter') && names.includes('Team Chat'))
  assert.ok(!names.includes('Deletions') && !names.includes('Old server'))
})

test('a hidden folder can be made, and is counted by no parent', async () => {
  const user = '/users/alex.wilber@contoso.example'
  const before = (await client.get(`${user}/mailFolders/drafts`)).body.childFolderCount
  const [made] = simulator.mutate({
    user: 'alex.wilber@contoso.example',
    type: 'create_folder',
    name: 'Out of sight',
    parent: 'drafts',
    hidden: true,
  })
  const asked = await client.get(`${user}/mailFolders/drafts/childFolders?includeHiddenFolders=true`)
  assert.deepEqual(idsOf(asked.body.value), [made?.folder])
  assert.deepEqual((await client.get(`${user}/mailFolders/drafts/childFolders`)).body.value, [])
  assert.equal((await client.get(`${user}/mailFolders/drafts`)).body.childFolderCount, before)
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
