import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlobGoneError } from '../copying/content-store.ts'
import type { MessageId } from '../copying/message.ts'
import type { MailboxKey } from '../copying/message-store.ts'
import { ClaimLostError } from '../extractions/extraction.ts'
import {
  A1,
  A2,
  aBlob,
  anAttachment,
  aWrite,
  counts,
  isThere,
  M1,
  mailBytes,
  pendingIds,
  withAttachments,
} from './testing/contents.ts'
import { aMessage, beginCopy, type OpenStores } from './testing/fixtures.ts'

/** What every database must do for attachments and MIME; run beside `storageContract`. */
export function contentsContract(open: () => Promise<OpenStores>): void {
  test('a message that may have attachments waits to be listed; others wait for nothing', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [withAttachments('m1'), aMessage('m2')] })
    assert.deepEqual(await stores.contents.listPending(copy.mailbox, undefined, 10), [
      { messageId: 'm1', folderId: copy.lane.folderId, attachments: 'listing', mime: false },
    ])
    assert.deepEqual(await stores.contents.listPending(copy.mailbox, M1, 10), [])
  })

  test('from listing to content, the counts add up at every step, and what is done is not pending', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const { contents } = stores
    const write = aWrite(copy)
    await copy.save({ messages: [withAttachments('m1')] })
    const link = anAttachment('a3', { kind: 'reference' })
    await contents.saveListing(write, [anAttachment('a1'), anAttachment('a2', { kind: 'item' }), link])
    assert.deepEqual(await counts(copy), { total: 2, stored: 0, skipped: 0, bytes: await mailBytes(copy) })
    assert.deepEqual(await contents.missingContents(copy.mailbox, M1), [
      { id: 'a1', kind: 'file', size: 100 },
      { id: 'a2', kind: 'item', size: 100 },
    ])

    assert.equal(await contents.saveContent(write, A1, aBlob('1', 60), isThere), 'in_progress')
    await contents.savePartSkipped(write, { part: A2, code: 'ErrorCannotOpenFileAttachment', reason: 'broken' })
    assert.deepEqual(await contents.missingContents(copy.mailbox, M1), [])
    assert.deepEqual(await counts(copy), { total: 2, stored: 1, skipped: 1, bytes: (await mailBytes(copy)) + 60 })
    await contents.saveDone(write)
    assert.deepEqual(await contents.listPending(copy.mailbox, undefined, 10), [])
  })

  test('a listing answers what is missing now: not what is known already, and what stands in the ledger, for it is tried again', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const { contents } = stores
    await copy.save({ messages: [withAttachments('m1')] })
    const listed = [anAttachment('a1'), anAttachment('a2'), anAttachment('a3', { kind: 'reference' })]
    const first = await contents.saveListing(aWrite(copy), listed)
    assert.deepEqual(first.missing, await contents.missingContents(copy.mailbox, M1))
    await contents.saveContent(aWrite(copy), A1, aBlob('1', 60), isThere)
    await contents.savePartSkipped(aWrite(copy), { part: A2, code: 'Odd', reason: 'odd' })
    await copy.save({ messages: [withAttachments('m1', { changeKey: 'k2' })] })
    const { status, missing } = await contents.saveListing(aWrite(copy), [...listed, anAttachment('a4')])
    assert.equal(status, 'in_progress')
    assert.deepEqual(missing, [
      { id: 'a2', kind: 'file', size: 100 },
      { id: 'a4', kind: 'file', size: 100 },
    ])
    assert.deepEqual(missing, await contents.missingContents(copy.mailbox, M1))
  })

  test('bytes that are kept already count once, whatever message or mailbox they belong to', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const before = await mailBytes(copy)
    await copy.save({ messages: [withAttachments('m1', { body: null }), withAttachments('m2', { body: null })] })
    for (const messageId of ['m1', 'm2'] as MessageId[]) {
      const write = { ...aWrite(copy), messageId }
      await stores.contents.saveListing(write, [anAttachment('a1')])
      await stores.contents.saveContent(write, A1, aBlob('1', 60), isThere)
    }
    const { stored, bytes } = await counts(copy)
    assert.equal(stored, 2)
    assert.equal(bytes, before + 60)
  })

  test('a row never refers to a blob that was freed before it was written', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [withAttachments('m1')] })
    await stores.contents.saveListing(aWrite(copy), [anAttachment('a1')])
    const gone = stores.contents.saveContent(aWrite(copy), A1, aBlob('1', 60), async () => false)
    await assert.rejects(gone, BlobGoneError)
    assert.equal((await stores.contents.missingContents(copy.mailbox, M1)).length, 1)
    assert.equal((await counts(copy)).stored, 0)
  })

  test('a message that changed is listed anew, and keeps the content of attachments that did not change', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const { contents } = stores
    await copy.save({ messages: [withAttachments('m1')] })
    await contents.saveListing(aWrite(copy), [anAttachment('a1'), anAttachment('a2')])
    await contents.saveContent(aWrite(copy), A1, aBlob('1', 60), isThere)
    await copy.save({ messages: [withAttachments('m1', { changeKey: 'k2' })] })
    assert.deepEqual(await counts(copy), { ...(await counts(copy)), total: 1, stored: 1 })

    await contents.saveListing(aWrite(copy), [
      anAttachment('a1'),
      anAttachment('a2', { size: 200 }),
      anAttachment('a4'),
    ])
    const missing = await contents.missingContents(copy.mailbox, M1)
    assert.deepEqual(
      missing.map(({ id }) => id),
      ['a2', 'a4'],
    )
    assert.equal((await counts(copy)).total, 3)
  })

  test('a listing that replaces one of the same run counts what is missing once', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [withAttachments('m1')] })
    await stores.contents.saveListing(aWrite(copy), [anAttachment('a1'), anAttachment('a2')])
    await stores.contents.saveListing(aWrite(copy), [anAttachment('a2')])
    assert.equal((await counts(copy)).total, 1)
  })

  test('a message that is gone waits for nothing, and is counted for nothing', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [withAttachments('m1'), withAttachments('m2')] })
    await stores.contents.saveListing(aWrite(copy), [anAttachment('a1')])
    await copy.save({ removed: [M1] })
    assert.equal((await counts(copy)).total, 0)
    await stores.messages.forgetFolder(copy.claim, copy.mailbox, copy.lane.folderId)
    assert.deepEqual(await stores.contents.listPending(copy.mailbox, undefined, 10), [])
  })

  test('what a run leaves out, a later one that asks for it fetches, and nothing twice', async () => {
    await using stores = await open()
    const first = await beginCopy(stores, { attachments: 'none' })
    await first.save({ messages: [withAttachments('m1'), withAttachments('m2'), aMessage('m3')] })
    assert.deepEqual(await stores.contents.listPending(first.mailbox, undefined, 10), [])
    await stores.claims.settle(first.claim, 'complete')

    const second = await beginCopy(stores, { attachments: 'metadata' })
    assert.deepEqual(await pendingIds(stores, second), ['m1 listing', 'm2 listing'])
    const write = { ...aWrite(second), wanted: 'metadata' } as const
    await stores.contents.saveListing(write, [anAttachment('a1')])
    await stores.contents.saveDone(write)
    assert.equal((await counts(second)).total, 0)
    await stores.claims.settle(second.claim, 'complete')

    const third = await beginCopy(stores, { attachments: 'content' })
    assert.deepEqual(await pendingIds(stores, third), ['m1 content', 'm2 listing'])
    assert.equal((await counts(third)).total, 1)
    await stores.contents.saveContent(aWrite(third), A1, aBlob('1', 60), isThere)
    await stores.contents.saveDone(aWrite(third))
    await stores.claims.settle(third.claim, 'complete')

    const fourth = await beginCopy(stores, { attachments: 'content' })
    assert.deepEqual(await pendingIds(stores, fourth), ['m2 listing'])
  })

  test('a run that asks for MIME waits for that of every message, also of those stored before', async () => {
    await using stores = await open()
    const first = await beginCopy(stores)
    await first.save({ messages: [aMessage('m1'), withAttachments('m2')] })
    await stores.claims.settle(first.claim, 'complete')
    const second = await beginCopy(stores, { mime: true })
    await second.save({ messages: [aMessage('m3')] })
    const { contents } = stores
    const pending = await contents.listPending(second.mailbox, undefined, 10)
    assert.deepEqual(
      pending.map(({ messageId, mime }) => `${messageId} ${mime}`),
      ['m1 true', 'm2 true', 'm3 true'],
    )
    await contents.saveMime(aWrite(second), aBlob('2', 80), isThere)
    await contents.saveDone(aWrite(second))
    const m3 = { ...aWrite(second), messageId: 'm3' as MessageId }
    await contents.saveMimeFailure(m3, 'ErrorMimeContentConversionFailed')
    await contents.saveDone(m3)
    assert.deepEqual(await pendingIds(stores, second), ['m2 listing'])
  })

  test('parts in the ledger are tried again on request only, and leave it when they are had', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const { contents } = stores
    await copy.save({ messages: [withAttachments('m1')] })
    await contents.saveListing(aWrite(copy), [anAttachment('a1'), anAttachment('a2')])
    for (const part of [A1, A2]) await contents.savePartSkipped(aWrite(copy), { part, code: 'Odd', reason: 'odd' })
    await contents.saveDone(aWrite(copy))
    assert.deepEqual(await pendingIds(stores, copy), [])

    await contents.reopenSkipped(copy.claim, copy.mailbox)
    assert.deepEqual(await pendingIds(stores, copy), ['m1 listing'])
    await contents.saveListing(aWrite(copy), [anAttachment('a1'), anAttachment('a2')])
    assert.equal((await contents.missingContents(copy.mailbox, M1)).length, 2)
    await contents.saveContent(aWrite(copy), A1, aBlob('1', 60), isThere)
    await contents.savePartSkipped(aWrite(copy), { part: A2, code: 'Odd', reason: 'odd' })
    const { items } = await stores.reports.listLedger(copy.claim.extractionId, { limit: 10 })
    assert.deepEqual(
      items.map(({ part, attempts }) => ({ part, attempts })),
      [{ part: 'a2', attempts: 2 }],
    )
  })

  test('a mailbox is erased with its blobs, except those that another one refers to, and a new run begins at nothing', async () => {
    await using stores = await open()
    const deleted: string[] = []
    const erase = (mailbox: MailboxKey) =>
      stores.erasures.eraseMessages(mailbox, 1, async (sha256) => void deleted.push(sha256))
    const other = await beginCopy(stores, { mime: true }, 'b@x.example')
    await other.save({ messages: [aMessage('n1')] })
    await stores.contents.saveMime({ ...aWrite(other), messageId: 'n1' as MessageId }, aBlob('1', 60), isThere)
    await stores.claims.settle(other.claim, 'complete')

    const copy = await beginCopy(stores)
    await copy.save({ messages: [withAttachments('m1'), aMessage('m2')], next: { at: 'end', link: 'delta' } })
    await stores.contents.saveListing(aWrite(copy), [anAttachment('a1'), anAttachment('a2')])
    await stores.contents.saveContent(aWrite(copy), A1, aBlob('1', 60), isThere)
    await stores.contents.saveContent(aWrite(copy), A2, aBlob('2', 70), isThere)
    await assert.rejects(stores.erasures.beginErasure('A@x.example'), /is in progress: cancel it first/)
    await stores.claims.settle(copy.claim, 'complete')

    const mailbox = await stores.erasures.beginErasure('A@x.example')
    assert.equal(mailbox, copy.mailbox)
    assert.deepEqual((await stores.emails.listEmails(copy.claim.extractionId, { limit: 10 })).items, [])
    assert.equal(await stores.emails.findEmail(M1), undefined)
    assert.equal(await erase(copy.mailbox), true)
    assert.deepEqual(await stores.erasures.listErasures(), [copy.mailbox])
    while (await erase(copy.mailbox));
    await stores.erasures.endErasure(copy.mailbox)
    assert.deepEqual(deleted, [aBlob('2', 70).sha256])
    assert.deepEqual(await stores.erasures.listErasures(), [])
    assert.equal(await stores.erasures.beginErasure('a@x.example'), undefined)

    const again = await beginCopy(stores)
    assert.deepEqual(again.lane.checkpoint, { at: 'start' })
    assert.notEqual(again.mailbox, other.mailbox)
  })

  test('a worker that lost its claim writes nothing of contents either', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [withAttachments('m1')] })
    await stores.contents.saveListing(aWrite(copy), [anAttachment('a1')])
    const late = { ...aWrite(copy), claim: { ...copy.claim, epoch: copy.claim.epoch - 1 } }
    await assert.rejects(stores.contents.saveContent(late, A1, aBlob('1', 60), isThere), ClaimLostError)
    await assert.rejects(stores.contents.saveListing(late, []), ClaimLostError)
    await assert.rejects(stores.contents.saveDone(late), ClaimLostError)
    assert.equal((await stores.contents.missingContents(copy.mailbox, M1)).length, 1)
  })
}
