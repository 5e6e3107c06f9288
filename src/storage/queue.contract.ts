import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClaimLostError, type ConnectionId, type ExtractionId } from '../extractions/extraction.ts'
import { aSubmission, beginCopy, hasCode, type OpenStores, submit, submitBatch } from './testing/fixtures.ts'

/** Who runs what next. */
export function queueContract(open: () => Promise<OpenStores>): void {
  test('a connection runs once at a time and stays with its mailbox', async () => {
    await using stores = await open()
    await submit(stores, 'c1', 'a@x.example')
    await assert.rejects(submit(stores, 'c1', 'A@x.example'), hasCode('extraction_active'))
    await assert.rejects(submit(stores, 'c1', 'b@x.example'), hasCode('connection_bound'))
  })

  test('a mailbox has one worker, under whatever connections and addresses', async () => {
    await using stores = await open()
    await submit(stores, 'c1', 'a@x.example')
    await submit(stores, 'c2', 'A@x.example')
    await submit(stores, 'c3', 'alias@x.example')
    const first = await stores.claims.claimNext()
    const alias = await stores.claims.claimNext()
    assert.equal(await stores.claims.claimNext(), undefined, 'the same address, case apart, waits')
    assert.ok(first && alias)

    assert.notEqual(await stores.messages.bindMailbox(first.claim, { objectId: 'o1', userUpn: 'a@x.example' }), 'busy')
    assert.equal(await stores.messages.bindMailbox(alias.claim, { objectId: 'o1', userUpn: 'a@x.example' }), 'busy')
    assert.equal((await stores.extractions.findLatest('c3' as ConnectionId))?.status, 'queued')
    const second = await stores.claims.claimNext()
    assert.ok(second)
    assert.equal(await stores.messages.bindMailbox(second.claim, { objectId: 'o1', userUpn: 'a@x.example' }), 'busy')
    assert.equal(await stores.claims.claimNext(), undefined, 'known to be one mailbox, the others wait')

    await stores.claims.settle(first.claim, 'complete')
    assert.ok(await stores.claims.claimNext())
  })

  test('of many who claim at once, each gets another extraction', async () => {
    await using stores = await open()
    for (let n = 0; n < 5; n++) await submit(stores, `c${n}`, `u${n}@x.example`)
    const claimed = await Promise.all(Array.from({ length: 8 }, () => stores.claims.claimNext()))
    const ids = claimed.filter((one) => one !== undefined).map(({ claim }) => claim.extractionId)
    assert.equal(new Set(ids).size, 5)
    assert.equal(ids.length, 5)
  })

  test('a lost worker leaves its extraction queued, paused or cancelled, as was wished', async () => {
    await using stores = await open()
    for (const name of ['runs', 'pauses', 'cancels']) await submit(stores, name, `${name}@x.example`)
    for (let n = 0; n < 3; n++) await stores.claims.claimNext()
    const latest = async (name: string) => stores.extractions.findLatest(name as ConnectionId)
    await stores.extractions.move((await latest('pauses'))?.id as ExtractionId, 'pause')
    await stores.extractions.move((await latest('cancels'))?.id as ExtractionId, 'cancel')

    assert.deepEqual(await stores.claims.recoverLost(), { recovered: 3 })
    assert.equal((await latest('runs'))?.status, 'queued')
    assert.equal((await latest('pauses'))?.status, 'paused')
    assert.equal((await latest('cancels'))?.status, 'cancelled')
  })

  test('an extraction that loses ten workers without saving a page is failed', async () => {
    await using stores = await open()
    await submit(stores, 'c1', 'a@x.example')
    for (let crash = 0; crash < 10; crash++) {
      assert.ok(await stores.claims.claimNext())
      await stores.claims.recoverLost()
    }
    const extraction = await stores.extractions.findLatest('c1' as ConnectionId)
    assert.equal(extraction?.status, 'failed')
    assert.equal(extraction?.error?.code, 'worker_lost')
  })

  test('an extraction that is given back again and again fails with the reason, and a page between resets the count', async () => {
    await using stores = await open()
    const error = { code: 'database_unavailable', message: 'The database did not answer' } as const
    const { claim, save } = await beginCopy(stores)
    assert.equal(await stores.claims.settle(claim, 'lose', error), 'queued')
    for (let times = 1; times < 10; times++) {
      const claimed = await stores.claims.claimNext()
      assert.ok(claimed, `after ${times} times`)
      await stores.claims.settle(claimed.claim, 'lose', error)
    }
    const extraction = await stores.extractions.findLatest('c1' as ConnectionId)
    assert.deepEqual([extraction?.status, extraction?.error], ['failed', error])
    await assert.rejects(save({}), ClaimLostError)
  })

  test('client secrets are stored encrypted and come back to the worker', async () => {
    await using stores = await open()
    const credentials = { tenantId: 't', clientId: 'c', clientSecret: 'a very secret value' }
    await stores.extractions.submit({ ...aSubmission('c1', 'a@x.example'), credentials })
    assert.deepEqual((await stores.claims.claimNext())?.credentials, credentials)
    const rows = await stores.query('select * from credentials')
    assert.equal(rows.length, 1)
    assert.ok(!JSON.stringify(rows).includes('a very secret value'))
    const asked = await stores.query('select * from extractions')
    assert.ok(!JSON.stringify(asked).includes('a very secret value'))
  })

  test('a small batch does not wait for all of a large one that came before', async () => {
    await using stores = await open()
    await submitBatch(
      stores,
      Array.from({ length: 50 }, (_, n) => `large${n}@x.example`),
    )
    await submitBatch(stores, ['small0@x.example', 'small1@x.example'])
    await submit(stores, 'single', 'single@x.example')
    const order: string[] = []
    for (let n = 0; n < 7; n++) order.push((await stores.claims.claimNext())?.userUpn ?? '')
    assert.equal(order[0], 'single@x.example')
    assert.ok(order.includes('small0@x.example') && order.includes('small1@x.example'), order.join())
  })
}
