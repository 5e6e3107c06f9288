import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { START, USUAL_WAY } from '../copying/checkpoint.ts'
import {
  CheckpointExpiredError,
  FolderGoneError,
  type FolderId,
  NoChangeTrackingError,
  UnreadablePageError,
} from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import { AppError } from '../errors.ts'
import { type FakeGraph, openMailbox, startFakeGraph } from './testing/fake-graph.ts'
import { type Handler, json, refuse } from './testing/scripted-server.ts'

const folder = 'f/1' as FolderId
const DELTA = '/users/u1/mailFolders/f%2F1/messages/delta'
const FOLDER = '/users/u1/mailFolders/f%2F1'
const whole = (id: string) => ({ id, changeKey: 'CQ', body: { contentType: 'text', content: 'x' } })
const code = (expected: string) => (error: unknown) => error instanceof AppError && error.code === expected

/** A mailbox with one folder whose delta gives these answers. */
async function arrange(...delta: Handler[]) {
  const fake = await startFakeGraph({ [DELTA]: delta, [FOLDER]: [json({ id: folder })] })
  const mailbox = await openMailbox(fake)
  const asked = () => fake.requests.slice(2)
  return {
    fake,
    mailbox,
    asked,
    link: (name: string) => `${fake.url}/v1.0${DELTA}?$skiptoken=${name}`,
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  }
}

function sizesAsked(fake: FakeGraph): number[] {
  return fake.requests.flatMap((request) => {
    const size = /odata\.maxpagesize=(\d+)/.exec(String(request.headers.prefer))?.[1]
    return size ? [Number(size)] : []
  })
}

describe('reading a page', () => {
  test('begins with all the fields that are kept, goes on by the link as it came, and ends with the delta link', async () => {
    await using world = await arrange()
    const { mailbox, link } = world
    const first = json({ value: [whole('m1')], '@odata.nextLink': link('2') })
    const last = json({
      value: [whole('m2'), { id: 'm0', '@removed': { reason: 'deleted' } }],
      '@odata.deltaLink': link('3'),
    })
    world.fake.routes[DELTA] = [first, last]

    const page = await mailbox.readPage(folder, START, USUAL_WAY)
    assert.deepEqual(
      page.messages.map((message) => message.id),
      ['m1'],
    )
    assert.deepEqual(page.next, { at: 'page', link: link('2') })
    const end = await mailbox.readPage(folder, page.next, USUAL_WAY)
    assert.deepEqual(end.removed, ['m0'])
    assert.deepEqual(end.next, { at: 'end', link: link('3') })
    await mailbox.readPage(folder, end.next, USUAL_WAY)

    const urls = world.asked().map((request) => request.url ?? '')
    assert.match(urls[0] ?? '', /\$select=id,changeKey,.*body,.*internetMessageHeaders$/)
    assert.deepEqual(urls.slice(1), [`/v1.0${DELTA}?$skiptoken=2`, `/v1.0${DELTA}?$skiptoken=3`])
    assert.ok(world.asked().every((request) => String(request.headers.prefer).startsWith('IdType="ImmutableId", ')))
  })

  test('asks for more after a quick, full page', async () => {
    await using world = await arrange()
    const value = Array.from({ length: 100 }, (_, i) => whole(`m${i}`))
    world.fake.routes[DELTA] = [json({ value, '@odata.nextLink': world.link('2') })]
    await world.mailbox.readPage(folder, START, USUAL_WAY)
    await world.mailbox.readPage(folder, START, USUAL_WAY)
    assert.deepEqual(sizesAsked(world.fake), [100, 400])
  })

  test('that breaks asks for less until it comes', async () => {
    await using world = await arrange()
    const broken = refuse(500, 'InternalServerError')
    const good = json({ value: [whole('m1')], '@odata.deltaLink': world.link('3') })
    world.fake.routes[DELTA] = [broken, broken, broken, broken, broken, broken, good]
    const page = await world.mailbox.readPage(folder, START, USUAL_WAY)
    assert.equal(page.messages.length, 1)
    assert.deepEqual(sizesAsked(world.fake), [100, 100, 100, 50, 50, 50, 25])
  })

  test('that cannot be had even for one item blames the item, once the folder itself has answered', async () => {
    await using world = await arrange(refuse(500, 'ErrorContentConversionFailed'))
    await assert.rejects(world.mailbox.readPage(folder, START, USUAL_WAY), UnreadablePageError)
    assert.deepEqual(sizesAsked(world.fake), [100, 50, 25, 12, 6, 3, 1])
    assert.equal(world.fake.paths().at(-1), FOLDER)
  })

  test('during an outage blames Graph and no item', async () => {
    await using world = await arrange(refuse(500, 'InternalServerError'))
    world.fake.routes[FOLDER] = [refuse(500, 'InternalServerError')]
    await assert.rejects(world.mailbox.readPage(folder, START, USUAL_WAY), code('graph_unavailable'))
  })

  test('of a folder that is gone says so', async () => {
    for (const refused of [refuse(404, 'ErrorItemNotFound'), refuse(404, 'ErrorSyncFolderNotFound')]) {
      await using world = await arrange(refused)
      await assert.rejects(world.mailbox.readPage(folder, START, USUAL_WAY), FolderGoneError)
    }
  })

  test('by a link that Graph no longer knows says so', async () => {
    const refusals = [refuse(410, 'SyncStateNotFound'), refuse(404, 'syncStateNotFound'), refuse(400, 'BadRequest')]
    for (const refused of refusals) {
      await using world = await arrange(refused)
      const from = { at: 'page', link: world.link('old') } as const
      await assert.rejects(world.mailbox.readPage(folder, from, USUAL_WAY), CheckpointExpiredError)
    }
  })

  test('by a link of another Graph address sends nothing there and says that the link is unknown', async () => {
    await using world = await arrange(json({ value: [] }))
    const from = { at: 'end', link: 'https://elsewhere.example/v1.0/delta' } as const
    await assert.rejects(world.mailbox.readPage(folder, from, USUAL_WAY), CheckpointExpiredError)
    assert.equal(world.asked().length, 0)
  })

  test('whose next link leads elsewhere fetches it again, and in the end refuses', async () => {
    await using world = await arrange()
    const foreign = json({ value: [whole('m1')], '@odata.nextLink': 'https://elsewhere.example/v1.0/page' })
    world.fake.routes[DELTA] = [foreign, json({ value: [whole('m1')], '@odata.deltaLink': world.link('3') })]
    assert.equal((await world.mailbox.readPage(folder, START, USUAL_WAY)).next.at, 'end')
    world.fake.routes[DELTA] = [foreign]
    await assert.rejects(world.mailbox.readPage(folder, START, USUAL_WAY), code('graph_refused'))
  })

  test('that always names itself as the next one restarts the walk', async () => {
    await using world = await arrange()
    const from = { at: 'page', link: world.link('2') } as const
    world.fake.routes[DELTA] = [json({ value: [], '@odata.nextLink': from.link })]
    await assert.rejects(world.mailbox.readPage(folder, from, USUAL_WAY), CheckpointExpiredError)
    assert.equal(world.asked().length, 3)
  })

  test('fails for good where walks go stale again and again', async () => {
    await using world = await arrange(refuse(410, 'SyncStateNotFound'))
    for (let i = 0; i < 5; i++)
      await assert.rejects(world.mailbox.readPage(folder, START, USUAL_WAY), CheckpointExpiredError)
    await assert.rejects(world.mailbox.readPage(folder, START, USUAL_WAY), code('graph_refused'))
  })

  test('of a mailbox over quota says that no changes are tracked; it is listed instead', async () => {
    await using world = await arrange(refuse(403, 'ErrorQuotaExceeded'))
    await assert.rejects(world.mailbox.readPage(folder, START, USUAL_WAY), NoChangeTrackingError)

    const list = DELTA.replace('/delta', '')
    const next = `${world.fake.url}/v1.0${list}?$skip=1`
    world.fake.routes[list] = [json({ value: [whole('m1')], '@odata.nextLink': next }), json({ value: [whole('m2')] })]
    const way = { source: 'list', content: 'whole' } as const
    const page = await world.mailbox.readPage(folder, START, way)
    assert.deepEqual(page.next, { at: 'page', link: next })
    assert.deepEqual((await world.mailbox.readPage(folder, page.next, way)).next, { at: 'end', link: '' })
  })

  test('by ids names versions, and asks for nothing that renders a body', async () => {
    await using world = await arrange()
    world.fake.routes[DELTA] = [json({ value: [{ id: 'm1', changeKey: 'k' }], '@odata.deltaLink': world.link('3') })]
    const page = await world.mailbox.readPage(folder, START, { source: 'delta', content: 'ids' })
    assert.deepEqual(page.versions, [{ id: 'm1', changeKey: 'k' }])
    assert.deepEqual(page.messages, [])
    assert.match(world.asked().at(-1)?.url ?? '', /\$select=id,changeKey,receivedDateTime$/)
  })
})

describe('a message by itself', () => {
  const MESSAGE = '/users/u1/messages/m%2F1'
  const id = 'm/1' as MessageId

  test('is read whole', async () => {
    await using world = await arrange()
    world.fake.routes[MESSAGE] = [json(whole('m/1'))]
    const reading = await world.mailbox.readMessage(id)
    assert.equal(reading.is === 'had' && reading.value.body, 'x')
  })

  test('that is gone is told to be', async () => {
    await using world = await arrange()
    world.fake.routes[MESSAGE] = [refuse(404, 'ErrorItemNotFound')]
    assert.deepEqual(await world.mailbox.readMessage(id), { is: 'gone' })
  })

  test('that cannot be given is named as unreadable', async () => {
    await using world = await arrange()
    world.fake.routes[MESSAGE] = [refuse(500, 'ErrorCorruptData')]
    const reading = await world.mailbox.readMessage(id)
    assert.equal(reading.is === 'unreadable' && reading.code, 'ErrorCorruptData')
  })

  test('without its body tells that the app may not read bodies', async () => {
    await using world = await arrange()
    world.fake.routes[MESSAGE] = [json({ id: 'm/1', changeKey: 'CQ', subject: 'A' })]
    await assert.rejects(world.mailbox.readMessage(id), code('mailbox_access_denied'))
  })
})

test('a well-known folder is found by its name, or is not there', async () => {
  await using world = await arrange()
  assert.equal(await world.mailbox.findWellKnownFolder('inbox'), 'f-inbox')
  assert.equal(await world.mailbox.findWellKnownFolder('clutter'), undefined)
})
