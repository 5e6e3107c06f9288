import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FakeGraph } from './testing/fake-graph.ts'
import { openMailbox, startFakeGraph } from './testing/fake-graph.ts'
import { type Handler, json, refuse } from './testing/scripted-server.ts'

const folder = (id: string, displayName: string, more: Record<string, unknown> = {}) => ({
  id,
  displayName,
  parentFolderId: 'root',
  isHidden: false,
  totalItemCount: 3,
  childFolderCount: 0,
  ...more,
})
const children = (id: string) => `/users/u1/mailFolders/${id}/childFolders`
const none = [json({ value: [] })]

async function list(routes: Record<string, Handler[]>, includeRecoverable = false, fake?: FakeGraph) {
  await using own = fake ?? (await startFakeGraph(routes))
  const { folders } = await (await openMailbox(own)).listFolders({ includeRecoverable, known: undefined })
  return { folders, paths: folders.map((one) => one.path), requests: own.requests, asked: own.paths() }
}

test('folders are found at every depth, hidden ones too, whatever their parents say of children', async () => {
  const { folders, requests } = await list({
    '/users/u1/mailFolders': [json({ value: [folder('a', 'Inbox'), folder('b', 'Verlauf', { isHidden: true })] })],
    [children('a')]: [json({ value: [folder('c', 'Projects/2026 %')] })],
    [children('b')]: none,
    [children('c')]: [json({ value: [folder('d', 'Deep')] })],
    [children('d')]: none,
  })
  assert.deepEqual(
    folders.map(({ id, parentId, path, isHidden }) => ({ id, parentId, path, isHidden })),
    [
      { id: 'a', parentId: null, path: 'Inbox', isHidden: false },
      { id: 'b', parentId: null, path: 'Verlauf', isHidden: true },
      { id: 'c', parentId: 'a', path: 'Inbox/Projects%2F2026 %', isHidden: false },
      { id: 'd', parentId: 'c', path: 'Inbox/Projects%2F2026 %/Deep', isHidden: false },
    ],
  )
  const listings = requests.slice(1).map((request) => request.url ?? '')
  assert.ok(listings.every((url) => url.includes('includeHiddenFolders=true') && url.includes('$top=250')))
})

test('further pages of a level are followed', async () => {
  await using fake = await startFakeGraph()
  const next = `${fake.url}/v1.0/users/u1/mailFolders/page2`
  fake.routes['/users/u1/mailFolders'] = [json({ value: [folder('a', 'A')], '@odata.nextLink': next })]
  fake.routes['/users/u1/mailFolders/page2'] = [json({ value: [folder('b', 'B')] })]
  assert.deepEqual((await list({}, false, fake)).paths, ['A', 'B'])
})

test('search folders are left out, for their mail is in other folders', async () => {
  const search = folder('s', 'Unread', { '@odata.type': '#microsoft.graph.mailSearchFolder' })
  const { paths } = await list({
    '/users/u1/mailFolders': [json({ value: [search, folder('a', 'A')] })],
    [children('a')]: none,
  })
  assert.deepEqual(paths, ['A'])
})

test('a folder below itself and a link that repeats itself do not go on for ever', async () => {
  await using fake = await startFakeGraph()
  const next = `${fake.url}/v1.0/users/u1/mailFolders/again`
  fake.routes['/users/u1/mailFolders'] = [json({ value: [folder('a', 'A')], '@odata.nextLink': next })]
  fake.routes['/users/u1/mailFolders/again'] = [json({ value: [folder('a', 'A')], '@odata.nextLink': next })]
  fake.routes[children('a')] = [json({ value: [folder('b', 'B')] })]
  fake.routes[children('b')] = [json({ value: [folder('a', 'A')] })]
  assert.deepEqual((await list({}, false, fake)).paths, ['A', 'A/B'])
})

test('a folder that is deleted during the walk has no children', async () => {
  const { paths } = await list({
    '/users/u1/mailFolders': [json({ value: [folder('a', 'A')] })],
    [children('a')]: [refuse(404, 'ErrorItemNotFound')],
  })
  assert.deepEqual(paths, ['A'])
})

test('recoverable items come with their own path where asked for, and only there', async () => {
  const routes = {
    '/users/u1/mailFolders': none,
    '/users/u1/mailFolders/recoverableitemsdeletions': [json(folder('r', 'Deletions'))],
    [children('r')]: [json({ value: [folder('s', 'Old')] })],
    [children('s')]: none,
  }
  assert.deepEqual((await list(routes)).paths, [])
  const { folders } = await list(routes, true)
  assert.deepEqual(
    folders.map(({ path, isRecoverable, parentId }) => ({ path, isRecoverable, parentId })),
    [
      { path: 'Recoverable Items/Deletions', isRecoverable: true, parentId: null },
      { path: 'Recoverable Items/Deletions/Old', isRecoverable: true, parentId: 'r' },
    ],
  )
  const without = { '/users/u1/mailFolders': none }
  assert.deepEqual((await list(without, true)).paths, [])
})

test('a level that fails while the one above is still being read fails the listing, once', async () => {
  await using fake = await startFakeGraph()
  const next = `${fake.url}/v1.0/users/u1/mailFolders/page2`
  const late: Handler = (request, response) => void setTimeout(() => json({ value: [] })(request, response), 30)
  fake.routes['/users/u1/mailFolders'] = [json({ value: [folder('a', 'A')], '@odata.nextLink': next })]
  fake.routes['/users/u1/mailFolders/page2'] = [late]
  fake.routes[children('a')] = [refuse(403, 'ErrorAccessDenied')]
  const mailbox = await openMailbox(fake)
  await assert.rejects(mailbox.listFolders({ includeRecoverable: false, known: undefined }), {
    code: 'mailbox_access_denied',
  })
})
