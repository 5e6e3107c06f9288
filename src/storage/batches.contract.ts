import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { batchStatus, totalUsers } from '../extractions/batch.ts'
import type { BatchId } from '../extractions/extraction.ts'
import { DEFAULT_OPTIONS } from '../extractions/options.ts'
import { aSubmission, hasCode, type OpenStores, submitBatch } from './testing/fixtures.ts'

/** Batches and their members. */
export function batchesContract(open: () => Promise<OpenStores>): void {
  test('a cancelled batch ends what waits at once, with the time, and asks what runs to end', async () => {
    await using stores = await open()
    const id = await submitBatch(stores, ['a@x.example', 'b@x.example'])
    const claimed = await stores.claims.claimNext()
    assert.ok(claimed)
    await stores.extractions.moveBatch(id, 'cancel', 'cancel', ['queued', 'in_progress'])
    const { items } = await stores.extractions.listMembers(id, { limit: 10 })
    const ended = items.map(({ status, completedAt }) => [status, completedAt !== null])
    assert.deepEqual(ended, [
      ['cancelling', false],
      ['cancelled', true],
    ])
  })

  test('a batch is what its members make of it, and its wish reaches every one', async () => {
    await using stores = await open()
    const id = await submitBatch(stores, ['a@x.example', 'b@x.example', 'c@x.example'])
    const claimed = await stores.claims.claimNext()
    assert.ok(claimed)
    const open_ = async () => {
      const batch = await stores.extractions.findBatch(id)
      assert.ok(batch)
      return { ...batch, status: batchStatus(batch) }
    }
    assert.equal((await open_()).status, 'in_progress')

    await stores.extractions.moveBatch(id, 'pause', 'pause', ['queued', 'in_progress', 'pausing', 'paused'])
    assert.equal((await open_()).status, 'pausing')
    await stores.claims.settle(claimed.claim, 'stop')
    assert.equal((await open_()).status, 'paused')

    await stores.extractions.moveBatch(id, 'continue', 'run', ['pausing', 'paused'])
    assert.equal((await open_()).counts.queued, 3)
    for (let n = 0; n < 3; n++) {
      const next = await stores.claims.claimNext()
      assert.ok(next)
      await stores.claims.settle(next.claim, n === 0 ? 'fail' : 'complete', {
        code: 'mailbox_not_found',
        message: 'gone',
      })
    }
    const ended = await open_()
    assert.equal(ended.status, 'completed')
    assert.equal(ended.counts.failed, 1)
    assert.ok(ended.completedAt)
  })

  test('a member that failed and was started anew by name stays failed when its batch is continued', async () => {
    await using stores = await open()
    const id = await submitBatch(stores, ['a@x.example', 'b@x.example'])
    for (let n = 0; n < 2; n++) {
      const claimed = await stores.claims.claimNext()
      assert.ok(claimed)
      await stores.claims.settle(claimed.claim, 'fail', { code: 'mailbox_not_found', message: 'gone' })
    }
    const { items } = await stores.extractions.listMembers(id, { limit: 10 })
    const [replaced] = items
    assert.ok(replaced)
    await stores.extractions.submit(aSubmission(replaced.connectionId, replaced.userUpn))
    await stores.extractions.moveBatch(id, 'continue', 'run', ['paused', 'failed'])
    const batch = await stores.extractions.findBatch(id)
    assert.deepEqual([batch?.counts.failed, batch?.counts.queued], [1, 1])
    await assert.rejects(stores.extractions.move(replaced.id, 'continue'), hasCode('extraction_active'))
  })

  test('members are listed page by page, each once', async () => {
    await using stores = await open()
    const users = Array.from({ length: 25 }, (_, n) => `user${n}@x.example`)
    const id = await submitBatch(stores, users)
    const seen: string[] = []
    for (let after: number | undefined; ; ) {
      const { items, next } = await stores.extractions.listMembers(id, { limit: 10, after })
      seen.push(...items.map((member) => member.userUpn))
      if (next === null) break
      after = next
    }
    assert.deepEqual(seen, users)
  })

  test('members listed from the directory come in pages, none twice, and follow the wish of their batch', async () => {
    await using stores = await open()
    const id = `batch_${randomUUID()}` as BatchId
    const source = { kind: 'group', groupId: 'g1' } as const
    await stores.extractions.submitBatch({
      id,
      source,
      userUpns: [],
      exclude: ['x@x.example'],
      credentials: {},
      options: DEFAULT_OPTIONS,
    })

    assert.equal((await stores.listings.nextListing())?.link, null)
    await stores.listings.saveListing(id, {
      from: null,
      userUpns: ['a@x.example', 'X@x.example', 'A@x.example'],
      next: 'link2',
    })
    assert.equal((await stores.listings.nextListing())?.link, 'link2')
    await stores.extractions.moveBatch(id, 'pause', 'pause', ['queued'])
    assert.equal(await stores.listings.nextListing(), undefined)
    await stores.extractions.moveBatch(id, 'continue', 'run', ['paused'])
    await stores.listings.saveListing(id, { from: 'link2', userUpns: ['a@x.example', 'b@x.example'], next: null })
    assert.equal(await stores.listings.nextListing(), undefined)

    const batch = await stores.extractions.findBatch(id)
    assert.ok(batch?.listed)
    assert.equal(totalUsers(batch.counts), 2)
  })

  test('a listing that failed fails its batch, and goes on where it stopped when the batch is continued', async () => {
    await using stores = await open()
    const id = `batch_${randomUUID()}` as BatchId
    const source = { kind: 'all_users' } as const
    const rest = { userUpns: [], exclude: [], credentials: {}, options: DEFAULT_OPTIONS }
    await stores.extractions.submitBatch({ id, source, ...rest })
    await stores.listings.saveListing(id, { from: null, userUpns: ['a@x.example'], next: 'link2' })
    await stores.listings.failListing(id, null, { code: 'graph_unavailable', message: 'from before' })
    assert.equal((await stores.listings.nextListing())?.link, 'link2', 'a worker that comes late does not fail it')
    await stores.listings.failListing(id, 'link2', { code: 'graph_unavailable', message: 'away' })
    const claimed = await stores.claims.claimNext()
    assert.ok(claimed)
    await stores.claims.settle(claimed.claim, 'complete')
    const failed = await stores.extractions.findBatch(id)
    assert.ok(failed)
    assert.equal(batchStatus(failed), 'failed')

    await stores.extractions.moveBatch(id, 'continue', 'run', ['paused', 'failed'])
    assert.equal((await stores.listings.nextListing())?.link, 'link2')
  })
}
