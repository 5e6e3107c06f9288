import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlobGoneError } from '../copying/content-store.ts'
import type { MessageId } from '../copying/message.ts'
import { AppError } from '../errors.ts'
import {
  A1,
  A2,
  aBlob,
  anAttachment,
  aWrite,
  counts,
  isThere,
  mailBytes,
  pendingIds,
  withAttachments,
} from './testing/contents.ts'
import { beginCopy, type OpenStores } from './testing/fixtures.ts'

/** What every database must do where contents are stored side by side; run beside `storageContract`. */
export function contentWritesContract(open: () => Promise<OpenStores>): void {
  test('writes that come together are counted each, and one that fails takes no other with it', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const { contents } = stores
    const ids = ['m1', 'm2', 'm3', 'm4'] as MessageId[]
    await copy.save({ messages: ids.map((id) => withAttachments(id)) })
    const writes = ids.map((messageId) => ({ ...aWrite(copy), messageId }))
    await Promise.all(writes.map((write) => contents.saveListing(write, [anAttachment('a1'), anAttachment('a2')])))
    assert.deepEqual(await counts(copy), { total: 8, stored: 0, skipped: 0, bytes: await mailBytes(copy) })

    const outcomes = await Promise.allSettled(
      writes.map((write, index) => {
        const blob = aBlob(index === 3 ? '1' : String(index), 60) // one of them a second time
        return contents.saveContent({ ...write, completes: true }, A1, blob, async () => index !== 2)
      }),
    )
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(await counts(copy), { total: 8, stored: 3, skipped: 0, bytes: (await mailBytes(copy)) + 120 })
    assert.deepEqual(await pendingIds(stores, copy), ['m3 content'])
  })

  test('where the blob store is gone, writes that come together fail together, and ask for it once', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const ids = ['m1', 'm2', 'm3'] as MessageId[]
    await copy.save({ messages: ids.map((id) => withAttachments(id)) })
    const writes = ids.map((messageId) => ({ ...aWrite(copy), messageId }))
    for (const write of writes) await stores.contents.saveListing(write, [anAttachment('a1')])
    const gone = new AppError('blob_store_unavailable', 'The disk is gone')
    let asked = 0
    const isUnknown = async () => {
      asked++
      throw gone
    }
    const outcomes = await Promise.allSettled(
      writes.map((write, index) => stores.contents.saveContent(write, A1, aBlob(String(index), 60), isUnknown)),
    )
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason),
      [gone, gone, gone],
    )
    assert.equal(asked, 1)
  })

  test('a write that can wait is saved with the next one of the run, and at the latest when that for which it waits has ended', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const { contents } = stores
    const ids = ['m1', 'm2', 'm3', 'm4'] as MessageId[]
    await copy.save({ messages: ids.map((id) => withAttachments(id)) })
    const [m1, m2, m3, m4] = ids.map((messageId) => ({ ...aWrite(copy), messageId }))
    assert.ok(m1 && m2 && m3 && m4)
    const never = contents.saveListing({ ...m1, canWaitFor: new Promise(() => {}) }, [anAttachment('a1')])
    await contents.saveListing(m2, [anAttachment('a1')])
    assert.deepEqual(await pendingIds(stores, copy), ['m1 content', 'm2 content', 'm3 listing', 'm4 listing'])
    await never

    await contents.saveListing({ ...m3, canWaitFor: Promise.resolve() }, [anAttachment('a1')])
    await contents.saveListing({ ...m4, canWaitFor: Promise.reject(new Error('stopped')) }, [anAttachment('a1')])
    assert.deepEqual(await pendingIds(stores, copy), ['m1 content', 'm2 content', 'm3 content', 'm4 content'])
    assert.equal((await counts(copy)).total, 4)
  })

  test('the content that is saved last saves also that the message is done', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const { contents } = stores
    const write = aWrite(copy)
    await copy.save({ messages: [withAttachments('m1')] })
    await contents.saveListing(write, [anAttachment('a1'), anAttachment('a2')])
    await contents.saveContent(write, A1, aBlob('1', 60), isThere)
    assert.equal((await contents.listPending(copy.mailbox, undefined, 10)).length, 1)

    const last = { ...write, completes: true }
    await assert.rejects(
      contents.saveContent(last, A2, aBlob('2', 70), async () => false),
      BlobGoneError,
    )
    assert.equal((await contents.listPending(copy.mailbox, undefined, 10)).length, 1)
    await contents.saveContent(last, A2, aBlob('2', 70), isThere)
    assert.deepEqual(await contents.listPending(copy.mailbox, undefined, 10), [])
  })
}
