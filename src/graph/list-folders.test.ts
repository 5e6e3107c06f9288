import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FolderId, KnownFolder } from '../copying/mailbox.ts'
import { type FakeGraph, openMailbox, startFakeGraph } from './testing/fake-graph.ts'
import { type Handler, json, refuse } from './testing/scripted-server.ts'

/* A listing that builds on the one before: what it asks, and when it asks every folder after all. */

const USER = '/users/u1'
const TOP = `${USER}/mailFolders`
const FLAT = `${USER}/mailFolders/delta`

const below = (id: string) => `${USER}/mailFolders/${id}/childFolders`

function folder(id: string, parentFolderId = 'root', more: Record<string, unknown> = {}) {
  return { id, displayName: id.toUpperCase(), parentFolderId, isHidden: false, childFolderCount: 0, ...more }
}

/** Inbox with a folder that holds another one, and an archive. */
const A = folder('a', 'root', { childFolderCount: 1, totalItemCount: 1 })
const B = folder('b', 'a', { childFolderCount: 1, totalItemCount: 2 })
const C = folder('c', 'b', { totalItemCount: 3 })
const D = folder('d')
const KNOWN = known('a', 'a/b', 'b/c', 'd')
const TREE = { [TOP]: [A, D], [below('a')]: [B], [below('b')]: [C], [below('c')]: [], [below('d')]: [] }

/** Each by its id, or as `parent/id`. */
function known(...ids: string[]): KnownFolder[] {
  return ids.map((text) => {
    const [id, parent = null] = text.split('/').reverse()
    return { id: id as FolderId, parentId: parent as FolderId | null }
  })
}

const flat = (...value: object[]) => linked({ value, '@odata.deltaLink': `${FLAT}?$deltatoken=end` })
const part = (value: object[], next: string) => linked({ value, '@odata.nextLink': next })

/** An answer whose links, paths below the version, lead to the server itself. */
function linked(body: Record<string, unknown>): Handler {
  return (request, response) => {
    const absolute = ([name, value]: [string, unknown]) =>
      name.startsWith('@') ? [name, `http://${request.headers.host}/v1.0${value}`] : [name, value]
    json(Object.fromEntries(Object.entries(body).map(absolute)))(request, response)
  }
}

async function list(
  folders: Record<string, object[]>,
  listing: Handler | Handler[],
  { before = KNOWN, includeRecoverable = false, prepare = (_fake: FakeGraph) => {} } = {},
) {
  const walk = Object.entries(folders).map(([path, value]) => [path, [json({ value })]])
  await using fake = await startFakeGraph({ ...Object.fromEntries(walk), [FLAT]: [listing].flat() })
  prepare(fake)
  const mailbox = await openMailbox(fake)
  const { folders: found, isWalkedInFull } = await mailbox.listFolders({ includeRecoverable, known: before })
  return {
    found,
    isWalkedInFull,
    paths: found.map(({ path }) => path).sort(),
    /** After the user was looked up; opening the mailbox shows the top. */
    asked: fake.paths().slice(1),
    requests: fake.requests.slice(1),
  }
}

test('where nothing has changed, the flat list and the top are all that is asked, and it says what a walk says', async () => {
  const { found, asked, requests, isWalkedInFull } = await list(TREE, flat(C, D, B, A))
  assert.deepEqual(asked, [TOP, FLAT])
  assert.match(String(requests[1]?.headers.prefer), /odata\.maxpagesize=250/)
  assert.ok(!requests[1]?.url?.includes('token'), 'a round that begins anew')
  assert.equal(isWalkedInFull, false)

  const walked = await list(TREE, refuse(404, 'ErrorItemNotFound'))
  const byId = (one: { id: string }, other: { id: string }) => (one.id < other.id ? -1 : 1)
  assert.deepEqual(found.sort(byId), walked.found.sort(byId))
  assert.deepEqual(
    found.map(({ path, parentId, totalItemCount }) => ({ path, parentId, totalItemCount })),
    [
      { path: 'A', parentId: null, totalItemCount: 1 },
      { path: 'A/B', parentId: 'a', totalItemCount: 2 },
      { path: 'A/B/C', parentId: 'b', totalItemCount: 3 },
      { path: 'D', parentId: null, totalItemCount: 0 },
    ],
  )
})

test('without a listing before, or with one that is too old, every folder is asked', async () => {
  await using fake = await startFakeGraph({ [TOP]: [json({ value: [D] })], [below('d')]: [json({ value: [] })] })
  const mailbox = await openMailbox(fake)
  const { isWalkedInFull } = await mailbox.listFolders({ includeRecoverable: false, known: undefined })
  assert.equal(isWalkedInFull, true)
  assert.deepEqual(fake.paths().slice(1), [TOP, below('d')])
})

test('where Graph tracks no changes, it is not asked for the flat list', async () => {
  const routes = { [TOP]: [json({ value: [D] })], [below('d')]: [json({ value: [] })], [FLAT]: [flat(D)] }
  await using fake = await startFakeGraph(routes, { hasDelta: false })
  const { isWalkedInFull } = await (await openMailbox(fake)).listFolders({
    includeRecoverable: false,
    known: known('d'),
  })
  assert.equal(isWalkedInFull, true)
  assert.ok(!fake.paths().includes(FLAT))
})

test('folders that are new, renamed or moved have the paths that a walk gives them', async () => {
  const top = [A, folder('d', 'root', { displayName: 'Renamed', childFolderCount: 2 })]
  const { paths, isWalkedInFull } = await list(
    { [TOP]: top },
    flat(
      { ...A, childFolderCount: 0 },
      folder('d', 'root', { displayName: 'Renamed' }),
      { ...B, parentFolderId: 'd' },
      C,
      folder('new', 'd'),
    ),
    // What the top says of A is older than the flat list; asking A itself settles it.
    { prepare: (fake) => Object.assign(fake.routes, { [below('a')]: [json({ value: [] })] }) },
  )
  assert.equal(isWalkedInFull, false)
  assert.deepEqual(paths, ['A', 'Renamed', 'Renamed/B', 'Renamed/B/C', 'Renamed/NEW'])
})

test('pages of the flat list are followed, the last word on a folder counts, and what is removed is not there', async () => {
  const { paths, isWalkedInFull } = await list(
    { [TOP]: [A, D] },
    part([{ ...B, displayName: 'Old' }, folder('gone', 'd')], `${TOP}/page2`),
    {
      prepare: (fake) =>
        Object.assign(fake.routes, {
          [`${TOP}/page2`]: [part([], `${TOP}/page3`)],
          [`${TOP}/page3`]: [flat(A, B, C, D, { id: 'gone', '@removed': { reason: 'deleted' } })],
        }),
    },
  )
  assert.deepEqual(paths, ['A', 'A/B', 'A/B/C', 'D'])
  assert.equal(isWalkedInFull, false)
})

test('a hidden folder that is known is looked up below its parent, with what lies below it', async () => {
  const hidden = folder('h', 'a', { isHidden: true, childFolderCount: 1, totalItemCount: 7 })
  const { found, asked, isWalkedInFull } = await list(
    { [TOP]: [A, D], [below('a')]: [B, hidden], [below('h')]: [folder('i', 'h')] },
    flat(A, B, C, D),
    { before: [...KNOWN, ...known('a/h', 'h/i')] },
  )
  assert.deepEqual(asked.sort(), [FLAT, TOP, below('a'), below('h')].sort())
  assert.equal(isWalkedInFull, false)
  assert.deepEqual(found.map(({ path }) => path).sort(), ['A', 'A/B', 'A/B/C', 'A/H', 'A/H/I', 'D'])
  assert.equal(found.find(({ id }) => id === 'h')?.totalItemCount, 7)
})

test('hidden folders at the top come with the top, and cost nothing of their own', async () => {
  const hidden = folder('h', 'root', { isHidden: true })
  const { paths, asked, isWalkedInFull } = await list({ [TOP]: [A, D, hidden] }, flat(A, B, C, D), {
    before: [...KNOWN, ...known('h')],
  })
  assert.deepEqual(asked, [TOP, FLAT])
  assert.deepEqual(paths, ['A', 'A/B', 'A/B/C', 'D', 'H'])
  assert.equal(isWalkedInFull, false)
})

test('a folder is asked where its own count says more, or says nothing', async () => {
  for (const childFolderCount of [1, null, undefined]) {
    const top = [A, { ...D, childFolderCount }]
    const tree = { [TOP]: top, [below('d')]: [folder('h', 'd', { isHidden: true })] }
    const { paths, isWalkedInFull } = await list(tree, flat(A, B, C, { ...D, childFolderCount }))
    assert.deepEqual(paths, ['A', 'A/B', 'A/B/C', 'D', 'D/H'])
    assert.equal(isWalkedInFull, false)
  }
})

test('a flat list that shows hidden folders is believed, whether counts are of them or not', async () => {
  for (const childFolderCount of [0, 1]) {
    const hidden = folder('h', 'd', { isHidden: true })
    const { paths, asked } = await list({ [TOP]: [A, { ...D, childFolderCount }] }, flat(A, B, C, D, hidden))
    assert.deepEqual(paths, ['A', 'A/B', 'A/B/C', 'D', 'D/H'])
    assert.deepEqual(asked, [TOP, FLAT])
  }
})

test('a list of the top alone loses no folder', async () => {
  const { paths } = await list(TREE, flat(A, D))
  assert.deepEqual(paths, ['A', 'A/B', 'A/B/C', 'D'])
})

test('a list of the top alone loses no folder, even where no folder counts those below it', async () => {
  const uncounted = Object.fromEntries(
    Object.entries(TREE).map(([path, folders]) => [path, folders.map((one) => ({ ...one, childFolderCount: 0 }))]),
  )
  const { paths, isWalkedInFull } = await list(uncounted, flat({ ...A, childFolderCount: 0 }, D), {
    before: known('a', 'd', 'x/b', 'b/c'), // B was somewhere else
  })
  assert.deepEqual(paths, ['A', 'A/B', 'A/B/C', 'D'])
  assert.equal(isWalkedInFull, true)
})

test('that a folder is gone is believed once every folder was asked', async () => {
  const { paths, isWalkedInFull } = await list(TREE, flat(A, B, C, D), { before: [...KNOWN, ...known('d/e')] })
  assert.deepEqual(paths, ['A', 'A/B', 'A/B/C', 'D'])
  assert.equal(isWalkedInFull, true)
})

test('a folder of the flat list whose place is not known makes every folder be asked', async () => {
  const tree = { ...TREE, [below('d')]: [folder('h', 'd', { isHidden: true })], [below('h')]: [folder('i', 'h')] }
  for (const stranger of [folder('i', 'h'), folder('i', 'i'), { ...folder('i'), parentFolderId: null }]) {
    const { paths, isWalkedInFull } = await list(tree, flat(A, B, C, D, stranger))
    assert.deepEqual(paths, ['A', 'A/B', 'A/B/C', 'D', 'D/H', 'D/H/I'])
    assert.equal(isWalkedInFull, true)
  }
})

test('search folders and the root in the flat list are no folders of mail', async () => {
  const search = { ...folder('s', 'd'), '@odata.type': '#microsoft.graph.mailSearchFolder' }
  const root = folder('root', 'root', { childFolderCount: 2 })
  const { paths, asked } = await list({ [TOP]: [A, { ...D, childFolderCount: 1 }] }, flat(root, A, B, C, D, search))
  assert.deepEqual(paths, ['A', 'A/B', 'A/B/C', 'D'])
  assert.deepEqual(asked, [TOP, FLAT])
})

test('recoverable items are asked for by name, as ever', async () => {
  const { paths, isWalkedInFull } = await list({ ...TREE, [below('r')]: [folder('s', 'r')] }, flat(A, B, C, D), {
    includeRecoverable: true,
    prepare: (fake) =>
      Object.assign(fake.routes, {
        [`${USER}/mailFolders/recoverableitemsdeletions`]: [json(folder('r', 'elsewhere'))],
        [below('s')]: [json({ value: [] })],
      }),
  })
  const recoverable = ['Recoverable Items/Deletions', 'Recoverable Items/Deletions/S']
  assert.deepEqual(paths, ['A', 'A/B', 'A/B/C', 'D', ...recoverable])
  assert.equal(isWalkedInFull, false)
})

let pages = 0
const endless: Handler = (request, response) => part([], `${FLAT}?$skiptoken=${++pages}`)(request, response)

for (const [what, listing] of [
  ['with 400', refuse(400, 'ErrorInvalidIdMalformed')],
  ['with 400 and a word on tracking', refuse(400, 'BadRequest')],
  ['with 403', refuse(403, 'ErrorAccessDenied')],
  ['for the quota of the mailbox', refuse(403, 'ErrorQuotaExceeded')],
  ['with 404', refuse(404, 'ErrorItemNotFound')],
  ['with 405', refuse(405, 'ErrorInvalidRequest')],
  ['with 410', refuse(410, 'SyncStateNotFound')],
  ['with 501', refuse(501, 'NotImplemented')],
  ['with 500, for ever', refuse(500, 'InternalServerError')],
  ['with 504, for ever', refuse(504, 'UnknownError')],
  ['by an answer that breaks, for ever', json({ values: [] })],
  ['by a link that repeats itself', part([A], `${FLAT}?$skiptoken=1`)],
  ['by pages without end', endless],
  ['by a page without any link', json({ value: [A, B, C, D] })],
] as const) {
  test(`where the flat list is refused ${what}, every folder is asked`, async () => {
    const { paths, isWalkedInFull, requests } = await list(TREE, listing)
    assert.deepEqual(paths, ['A', 'A/B', 'A/B/C', 'D'])
    assert.equal(isWalkedInFull, true)
    assert.ok(requests.length <= 5 + KNOWN.length + 3, `${requests.length} requests`)
  })
}

test('where Graph is away, it is not the flat list that is given up', async () => {
  await assert.rejects(list(TREE, refuse(503, 'ServiceNotAvailable')), { code: 'graph_unavailable' })
})

test('the top that opening the mailbox has shown serves one listing; the next asks anew', async () => {
  await using fake = await startFakeGraph({
    [TOP]: [json({ value: [D] }), json({ value: [D, folder('new')] })],
    [below('d')]: [json({ value: [] })],
    [below('new')]: [json({ value: [] })],
  })
  const mailbox = await openMailbox(fake)
  const options = { includeRecoverable: false, known: undefined }
  const paths = async () => (await mailbox.listFolders(options)).folders.map(({ path }) => path)
  assert.deepEqual(await paths(), ['D'])
  assert.deepEqual(await paths(), ['D', 'NEW'])
})
