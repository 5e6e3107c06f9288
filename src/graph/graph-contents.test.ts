import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AttachmentId, SMALL_TOTAL_BYTES } from '../copying/attachment.ts'
import type { MessageId } from '../copying/message.ts'
import { AppError } from '../errors.ts'
import { INBOX, openMailbox, startFakeGraph } from './testing/fake-graph.ts'
import { type Handler, json, refuse } from './testing/scripted-server.ts'

const message = 'm/1' as MessageId
const attachment = 'a=1' as AttachmentId
const MESSAGE = '/users/u1/messages/m%2F1'
const LIST = `${MESSAGE}/attachments`
const ATTACHMENT = `${LIST}/a%3D1`
const code = (expected: string) => (error: unknown) => error instanceof AppError && error.code === expected
const base64 = (text: string) => Buffer.from(text).toString('base64')
const bytes =
  (text: string): Handler =>
  (_, response) =>
    response.writeHead(200, { 'content-type': 'text/plain' }).end(text)
const outage = refuse(500, 'InternalServerError')

async function arrange(routes: Record<string, Handler[]>) {
  const fake = await startFakeGraph(routes)
  const mailbox = await openMailbox(fake)
  return {
    fake,
    mailbox,
    /** What was asked after the mailbox was opened. */
    asked: () => fake.requests.slice(2).map((request) => request.url?.replace('/v1.0', '') ?? ''),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces).toString()
}

describe('the attachments of a message', () => {
  test('are listed in the order of Graph, each with its kind, and without contents', async () => {
    const value = [
      {
        '@odata.type': '#microsoft.graph.fileAttachment',
        id: 'a1',
        name: 'Report \ud800.pdf',
        contentType: 'application/pdf',
        size: 1_312,
        isInline: true,
        contentId: '<image001@contoso.example>',
        lastModifiedDateTime: '2026-01-05T09:00:00Z',
      },
      { '@odata.type': '#microsoft.graph.itemAttachment', id: 'a2', name: 'A mail', contentType: null, size: 9 },
      { '@odata.type': '#microsoft.graph.referenceAttachment', id: 'a3', name: null },
      { id: 'a4', contentId: 'plain' },
    ]
    await using world = await arrange({ [LIST]: [json({ value })] })
    const nothing = { contentType: null, size: 0, isInline: false, contentId: null, lastModifiedDateTime: null }
    assert.deepEqual(await world.mailbox.listAttachments(message), {
      is: 'had',
      value: [
        {
          id: 'a1',
          kind: 'file',
          name: 'Report \ufffd.pdf',
          contentType: 'application/pdf',
          size: 1_312,
          isInline: true,
          contentId: 'image001@contoso.example',
          lastModifiedDateTime: '2026-01-05T09:00:00Z',
        },
        { ...nothing, id: 'a2', kind: 'item', name: 'A mail', size: 9 },
        { ...nothing, id: 'a3', kind: 'reference', name: null },
        { ...nothing, id: 'a4', kind: 'file', name: null, contentId: 'plain' },
      ],
    })
    const fields = 'id,name,contentType,size,isInline,lastModifiedDateTime,microsoft.graph.fileAttachment/contentId'
    assert.deepEqual(world.asked(), [`${LIST}?$select=${fields}`])
  })

  test('are listed with the form of contentId that the tenant takes, which is remembered', async () => {
    const refused = refuse(400, 'RequestBroker--ParseUri')
    const listed = json({ value: [] })
    await using world = await arrange({ [LIST]: [refused, listed, listed] })
    await world.mailbox.listAttachments(message)
    await world.mailbox.listAttachments(message)
    const forms = world.asked().map((url) => /lastModifiedDateTime,?(.*)$/.exec(url)?.[1])
    assert.deepEqual(forms, ['microsoft.graph.fileAttachment/contentId', 'contentId', 'contentId'])
  })

  test('are listed without contentId where the tenant takes no form of it', async () => {
    const refused = refuse(400, 'BadRequest')
    await using world = await arrange({ [LIST]: [refused, refused, json({ value: [{ id: 'a1' }] })] })
    const reading = await world.mailbox.listAttachments(message)
    assert.equal(reading.is === 'had' && reading.value[0]?.contentId, null)
    assert.match(world.asked().at(-1) ?? '', /lastModifiedDateTime$/)
  })

  test('of one message that Graph cannot list cost that message only, and leave the form as it was', async () => {
    const refused = refuse(400, 'ErrorInvalidRequest')
    await using world = await arrange({ [LIST]: [refused, refused, refused, json({ value: [] })] })
    const reading = await world.mailbox.listAttachments(message)
    assert.equal(reading.is === 'unreadable' && reading.code, 'ErrorInvalidRequest')
    await world.mailbox.listAttachments(message)
    assert.match(world.asked().at(-1) ?? '', /microsoft\.graph\.fileAttachment\/contentId$/)
  })

  test('of a message that is gone are gone', async () => {
    await using world = await arrange({ [LIST]: [refuse(404, 'ErrorItemNotFound')] })
    assert.deepEqual(await world.mailbox.listAttachments(message), { is: 'gone' })
  })
})

describe('the content of an attachment', () => {
  test('is streamed as it is', async () => {
    await using world = await arrange({ [`${ATTACHMENT}/$value`]: [bytes('%PDF')] })
    const reading = await world.mailbox.readAttachment(message, attachment, collect)
    assert.deepEqual(reading, { is: 'had', value: '%PDF' })
  })

  test('that Graph cannot give is named, with the word of Graph', async () => {
    const refusals: [Handler, string][] = [
      [refuse(500, 'ErrorCannotOpenFileAttachment'), 'ErrorCannotOpenFileAttachment'],
      [refuse(405, 'ErrorInvalidRequest'), 'ErrorInvalidRequest'],
      [(_, response) => response.writeHead(405).end(), 'unreadable'],
    ]
    for (const [refused, word] of refusals) {
      await using world = await arrange({ [`${ATTACHMENT}/$value`]: [refused] })
      const reading = await world.mailbox.readAttachment(message, attachment, collect)
      const reason = `Graph cannot give this attachment (${word}), though it gives others`
      assert.deepEqual(reading, { is: 'unreadable', code: word, reason })
    }
  })

  test('that fails again and again is unreadable once Graph has answered something else', async () => {
    const cut: Handler = (_, response) => void response.writeHead(200).write('%P', () => response.destroy())
    for (const failure of [refuse(504, 'UnknownError'), outage, cut]) {
      await using world = await arrange({ [`${ATTACHMENT}/$value`]: [failure] })
      const reading = await world.mailbox.readAttachment(message, attachment, collect)
      assert.equal(reading.is, 'unreadable')
      assert.equal(world.fake.paths().at(-1), INBOX)
    }
  })

  test('is not blamed for an outage', async () => {
    await using world = await arrange({ [`${ATTACHMENT}/$value`]: [outage] })
    world.fake.routes[INBOX] = [outage]
    await assert.rejects(world.mailbox.readAttachment(message, attachment, collect), code('graph_unavailable'))
  })

  test('that is not there while nobody says why is tried again, and is unreadable in the end', async () => {
    const notThere: Handler = (_, response) => response.writeHead(404).end()
    await using world = await arrange({ [`${ATTACHMENT}/$value`]: [notThere, notThere, bytes('%PDF'), notThere] })
    assert.equal((await world.mailbox.readAttachment(message, attachment, collect)).is, 'had')
    assert.equal((await world.mailbox.readAttachment(message, attachment, collect)).is, 'unreadable')
    assert.equal(world.asked().filter((url) => url.endsWith('$value')).length, 3 + 4)
  })

  test('that comes without a byte is unreadable, unless the file is an empty one', async () => {
    await using world = await arrange({
      [`${ATTACHMENT}/$value`]: [bytes('')],
      [ATTACHMENT]: [json({ id: 'a=1', size: 70_000 })],
    })
    assert.equal((await world.mailbox.readAttachment(message, attachment, collect)).is, 'unreadable')
    const empty = { '@odata.type': '#microsoft.graph.fileAttachment', id: 'a=1', size: 312, contentBytes: '' }
    world.fake.routes[ATTACHMENT] = [json(empty)]
    assert.deepEqual(await world.mailbox.readAttachment(message, attachment, collect), { is: 'had', value: '' })
  })

  test('whose sink fails is no matter of Graph', async () => {
    await using world = await arrange({ [`${ATTACHMENT}/$value`]: [bytes('%PDF')] })
    const full = new AppError('storage_full', 'The disk is full.')
    const sink = () => Promise.reject(full)
    await assert.rejects(world.mailbox.readAttachment(message, attachment, sink), (error) => error === full)
    assert.equal(world.asked().length, 1)
  })
})

describe('small attachments in one answer', () => {
  const file = (id: string, size: number, contentBytes: unknown) => ({
    '@odata.type': '#microsoft.graph.fileAttachment',
    id,
    size,
    contentBytes,
  })

  test('come with their contents; those that did not come whole are left to be asked for one by one', async () => {
    const value = [
      file('a1', 400, base64('first')),
      file('a2', 400, ''),
      file('a3', 5_000, ''),
      file('a4', 400, null),
      file('a5', 400, `${base64('fifth')}=`),
      file('a6', 400, 'no base64!!!'),
      { '@odata.type': '#microsoft.graph.itemAttachment', id: 'a7', size: 400 },
      { '@odata.type': '#microsoft.graph.referenceAttachment', id: 'a8', size: 400 },
      file('a9', 400, base64('ninth, with ÿ and more')),
    ]
    await using world = await arrange({ [LIST]: [json({ value })] })
    const reading = await world.mailbox.readSmallAttachments(message)
    assert.ok(reading.is === 'had')
    const contents = [...reading.value].map(([id, content]) => [id, Buffer.from(content).toString()])
    assert.deepEqual(contents, [
      ['a1', 'first'],
      ['a2', ''],
      ['a9', 'ninth, with ÿ and more'],
    ])
    assert.deepEqual(world.asked(), [LIST])
  })

  test('come whole up to the size that counts as small', async () => {
    const half = 'x'.repeat(SMALL_TOTAL_BYTES / 2)
    const value = ['a1', 'a2'].map((id) => file(id, half.length, base64(half)))
    await using world = await arrange({ [LIST]: [json({ value })] })
    const reading = await world.mailbox.readSmallAttachments(message)
    assert.ok(reading.is === 'had')
    assert.deepEqual([...reading.value.values()].map(String), [half, half])
  })

  test('of a message that is gone are gone', async () => {
    await using world = await arrange({ [LIST]: [refuse(404, 'ErrorItemNotFound')] })
    assert.deepEqual(await world.mailbox.readSmallAttachments(message), { is: 'gone' })
  })
})

describe('a message as MIME', () => {
  const MIME = `${MESSAGE}/$value`

  test('is streamed as Graph makes it', async () => {
    await using world = await arrange({ [MIME]: [bytes('From: ann\r\n')] })
    assert.deepEqual(await world.mailbox.readMime(message, collect), { is: 'had', value: 'From: ann\r\n' })
  })

  test('that Graph cannot make is named, after one try', async () => {
    for (const word of ['ErrorMimeContentConversionFailed', 'ErrorCorruptData', 'ErrorInvalidRecipients']) {
      await using world = await arrange({ [MIME]: [refuse(500, word)] })
      const reading = await world.mailbox.readMime(message, collect)
      assert.equal(reading.is === 'unreadable' && reading.code, word)
      assert.equal(world.asked().length, 1)
    }
  })

  test('that comes without a byte is asked for again, and is unreadable in the end', async () => {
    await using world = await arrange({ [MIME]: [bytes(''), bytes('From: ann'), bytes('')] })
    assert.deepEqual(await world.mailbox.readMime(message, collect), { is: 'had', value: 'From: ann' })
    assert.equal((await world.mailbox.readMime(message, collect)).is, 'unreadable')
  })

  test('that takes Graph too long is unreadable in the end, and does not fail the mailbox', async () => {
    await using world = await arrange({ [MIME]: [refuse(504, 'UnknownError')] })
    assert.equal((await world.mailbox.readMime(message, collect)).is, 'unreadable')
    assert.equal(world.asked().filter((url) => url === MIME).length, 6)
  })

  test('of a message that is gone is gone', async () => {
    await using world = await arrange({ [MIME]: [refuse(404, 'ErrorItemNotFound')] })
    assert.deepEqual(await world.mailbox.readMime(message, collect), { is: 'gone' })
  })
})
