import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Attachment, AttachmentId } from '../copying/attachment.ts'
import type { Sha256 } from '../copying/blob-store.ts'
import { BlobGoneError, type ContentWrite } from '../copying/content-store.ts'
import type { MessageId } from '../copying/message.ts'
import { type Lane, type MailboxKey, MovedMeanwhileError, type PageToSave } from '../copying/message-store.ts'
import { totalUsers } from '../extractions/batch.ts'
import type { BatchId, ConnectionId } from '../extractions/extraction.ts'
import { DEFAULT_OPTIONS } from '../extractions/options.ts'
import type { Stores } from './stores.ts'
import { aMessage, aSubmission, beginCopy, hasCode, type OpenStores, submitBatch } from './testing/fixtures.ts'

/** The stores of one database as two processes have them, each with connections of its own where the database allows. */
export interface TwoProcesses extends AsyncDisposable {
  one: OpenStores
  other: Stores
}

/** A race is lost one way or the other only now and then. */
const ROUNDS = 10
const CREDENTIALS = { tenantId: 't', clientId: 'c', clientSecret: 's' }

/** What stays true however many processes write at once; run beside `storageContract`. */
export function concurrencyContract(open: () => Promise<TwoProcesses>): void {
  test('of two starts of one connection at once, one is told that it is active', async () => {
    await using both = await open()
    for (let round = 0; round < ROUNDS; round++) {
      const ends = await Promise.allSettled(
        [both.one, both.other].map((stores) =>
          stores.extractions.submit(aSubmission(`c${round}`, `${round}@x.example`)),
        ),
      )
      assertOneRefused(ends, 'extraction_active')
    }
  })

  test('of two first starts of one connection for two addresses at once, one is told to whom it belongs', async () => {
    await using both = await open()
    for (let round = 0; round < ROUNDS; round++) {
      const ends = await Promise.allSettled(
        [both.one, both.other].map((stores, n) =>
          stores.extractions.submit(aSubmission(`c${round}`, `${n}@x.example`)),
        ),
      )
      assertOneRefused(ends, 'connection_bound')
    }
  })

  test('credentials that come at once in many requests are kept once', async () => {
    await using both = await open()
    const starts = Array.from({ length: 20 }, (_, n) =>
      (n % 2 ? both.one : both.other).extractions.submit({
        ...aSubmission(`c${n}`, `${n}@x.example`),
        credentials: CREDENTIALS,
      }),
    )
    await Promise.all(starts)
    assert.equal((await both.one.query('select * from credentials')).length, 1)
  })

  test('of many claimers in two processes, none gets what another one has, nor a mailbox that another one copies', async () => {
    await using both = await open()
    for (let n = 0; n < 20; n++) await both.one.extractions.submit(aSubmission(`c${n}`, `${n % 10}@x.example`))
    const claimers = Array.from({ length: 24 }, (_, n) => (n % 2 ? both.one : both.other).claims.claimNext())
    const claimed = (await Promise.all(claimers)).filter((one) => one !== undefined)
    assert.equal(claimed.length, 10)
    assert.equal(new Set(claimed.map(({ userUpn }) => userUpn)).size, 10)
  })

  test('of two runs that turn out at once to be of one new mailbox, one has it and the other one waits', async () => {
    await using both = await open()
    for (let round = 0; round < ROUNDS; round++) {
      const mailbox = { objectId: `o${round}`, userUpn: `${round}@x.example` }
      for (const name of ['name', 'alias']) {
        await both.one.extractions.submit(aSubmission(`${name}${round}`, `${name}${round}@x.example`))
      }
      const claims = [await both.one.claims.claimNext(), await both.other.claims.claimNext()]
      const ends = await Promise.all(
        claims.map((claimed, n) => {
          assert.ok(claimed)
          return (n ? both.one : both.other).messages.bindMailbox(claimed.claim, mailbox)
        }),
      )
      assert.equal(ends.filter((end) => end === 'busy').length, 1)
      const bound = claims[ends.findIndex((end) => end !== 'busy')]
      assert.ok(bound)
      await both.one.claims.settle(bound.claim, 'complete')
      const waiting = await both.one.claims.claimNext()
      assert.ok(waiting)
      await both.one.claims.settle(waiting.claim, 'complete')
    }
  })

  test('a page of the directory that two workers list at once adds its members once', async () => {
    await using both = await open()
    const id = 'batch_1' as BatchId
    const source = { kind: 'all_users' } as const
    const rest = { userUpns: [], exclude: [], credentials: {}, options: DEFAULT_OPTIONS }
    await both.one.extractions.submitBatch({ id, source, ...rest })
    const page = { from: null, userUpns: ['a@x.example', 'b@x.example'], next: 'link2' }
    const again = { from: 'link2', userUpns: ['c@x.example'], next: null }
    for (const listed of [page, again]) {
      await Promise.all([both.one, both.other, both.one].map(({ listings }) => listings.saveListing(id, listed)))
    }
    const batch = await both.one.extractions.findBatch(id)
    assert.equal(batch && totalUsers(batch.counts), 3)
    assert.ok(batch?.listed)
    await both.one.listings.saveListing(id, page)
    assert.equal(await both.one.listings.nextListing(), undefined, 'a worker that comes late does not send it back')
  })

  test('a batch is paused in every member, also in those that their workers are just giving back', async () => {
    await using both = await open()
    const users = Array.from({ length: 30 }, (_, n) => `${n}@x.example`)
    const id = await submitBatch(both.one, users)
    const claimed = await Promise.all(users.slice(10).map(() => both.one.claims.claimNext()))
    const settled = claimed.map((one) => {
      assert.ok(one)
      return both.other.claims.settle(one.claim, 'lose')
    })
    await Promise.all([
      ...settled,
      both.one.extractions.moveBatch(id, 'pause', 'pause', ['queued', 'in_progress', 'pausing', 'paused']),
    ])
    const batch = await both.one.extractions.findBatch(id)
    assert.equal(batch?.counts.paused, 30)
  })

  test('pages of several lanes that are saved at once are all counted', async () => {
    await using both = await open()
    const copy = await beginCopy(both.one)
    const [inbox, archive] = copy.lanes
    assert.ok(inbox && archive)
    const pages = Array.from({ length: 20 }, (_, n) =>
      (n % 2 ? both.one : both.other).messages.savePage(copy.claim, copy.mailbox, n % 2 ? inbox : archive, {
        ...copy.anEmptyPage,
        messages: [aMessage(`m${n}`)],
      }),
    )
    await Promise.all(pages)
    const { progress } = await copy.extraction()
    assert.equal(progress.messagesStored, 20)
    assert.equal(progress.messagesListed, 20)
    assert.equal((await copy.storedIds()).length, 20)
  })

  test('of two pages that hold the same message and are saved at once, one stores it', async () => {
    await using both = await open()
    const copy = await beginCopy(both.one)
    const [inbox] = copy.lanes
    assert.ok(inbox)
    for (let round = 0; round < ROUNDS; round++) {
      const page = { ...copy.anEmptyPage, messages: [aMessage(`m${round}`)] }
      await Promise.all(
        [both.one, both.other].map((stores) => stores.messages.savePage(copy.claim, copy.mailbox, inbox, page)),
      )
    }
    const { progress } = await copy.extraction()
    assert.equal(progress.messagesStored, ROUNDS)
    assert.equal(progress.messagesUnchanged, ROUNDS)
    assert.equal((await copy.storedIds()).length, ROUNDS)
  })

  test('of two folders whose pages claim one message at once, the one has it whose page was asked for later', async () => {
    await using both = await open()
    const copy = await beginCopy(both.one)
    const [inbox, archive] = copy.lanes
    assert.ok(inbox && archive)
    const save = (stores: Stores, lane: Lane, page: Partial<PageToSave>) =>
      stores.messages.savePage(copy.claim, copy.mailbox, lane, { ...copy.anEmptyPage, ...page })
    const askedAt = Date.now()
    for (let round = 0; round < ROUNDS; round++) {
      const fresh = aMessage(`fresh${round}`)
      const moving = aMessage(`moving${round}`)
      await save(both.one, inbox, { messages: [moving] })
      const stale: Partial<PageToSave>[] = [
        { askedAt, messages: [fresh] },
        { askedAt, patches: [{ id: moving.id, isRead: true }] },
      ]
      const ends: PromiseSettledResult<unknown>[] = await Promise.allSettled([
        save(both.one, archive, { messages: [moving, fresh] }),
        ...stale.map((page) => save(both.other, inbox, page)),
      ])
      for (const end of ends) if (end.status === 'rejected') assert.ok(end.reason instanceof MovedMeanwhileError)
    }
    const folders = await both.one.query('select distinct parent_folder_id from emails')
    assert.deepEqual(folders, [{ parent_folder_id: archive.folderId }])
  })

  test('a blob is never freed while somebody refers to it, nor referred to once it is freed', async () => {
    await using both = await open()
    for (let round = 0; round < ROUNDS; round++) {
      const blob = { sha256: String(round).repeat(64) as Sha256, size: 60 }
      const blobs = new Set<string>([blob.sha256])
      const isThere = async () => blobs.has(blob.sha256)
      const erased = await aCopyWithAttachment(both.one, `erased${round}@x.example`)
      await both.one.contents.saveContent(erased.write, A1, blob, isThere)
      await both.one.claims.settle(erased.claim, 'complete')
      const mailbox = (await both.one.erasures.beginErasure(`erased${round}@x.example`)) as MailboxKey
      const keeping = await aCopyWithAttachment(both.other, `keeping${round}@x.example`)

      const [kept] = await Promise.allSettled([
        both.other.contents.saveContent(keeping.write, A1, blob, isThere),
        both.one.erasures.eraseMessages(mailbox, 10, async (sha256) => void blobs.delete(sha256)),
      ])
      if (kept.status === 'rejected') assert.ok(kept.reason instanceof BlobGoneError, String(kept.reason))
      assert.equal(kept.status === 'fulfilled', blobs.has(blob.sha256))
      await both.other.claims.settle(keeping.claim, 'complete')
    }
  })

  test('a mailbox is not erased while a run takes hold of it, and not taken hold of while it is erased', async () => {
    await using both = await open()
    for (let round = 0; round < ROUNDS; round++) {
      const userUpn = `${round}@x.example`
      const first = await beginCopy(both.one, {}, userUpn)
      await both.one.claims.settle(first.claim, 'complete')
      await both.one.extractions.submit(aSubmission(`again${round}`, `alias${round}@x.example`))
      const again = await both.one.claims.claimNext()
      assert.ok(again)
      const [erasing, bound] = await Promise.allSettled([
        both.other.erasures.beginErasure(userUpn),
        both.one.messages.bindMailbox(again.claim, { objectId: userUpn, userUpn }),
      ])
      assert.equal(bound.status, 'fulfilled')
      if (erasing.status === 'rejected') assert.ok(hasCode('extraction_active')(erasing.reason))
      else assert.notEqual(bound.status === 'fulfilled' && bound.value, erasing.value)
      await both.one.claims.settle(again.claim, 'complete')
    }
  })

  test('a wish and the end of a run that come at once leave the extraction where the table of moves allows', async () => {
    await using both = await open()
    for (let round = 0; round < ROUNDS; round++) {
      const extraction = await both.one.extractions.submit(aSubmission(`c${round}`, `${round}@x.example`))
      const claimed = await both.one.claims.claimNext()
      assert.ok(claimed)
      const [, ended] = await Promise.allSettled([
        both.one.extractions.move(extraction.id, 'cancel'),
        both.other.claims.settle(claimed.claim, 'complete'),
      ])
      assert.equal(ended.status, 'fulfilled')
      const { status } = (await both.one.extractions.findLatest(`c${round}` as ConnectionId)) ?? {}
      assert.ok(status === 'completed' || status === 'cancelled', `${status}`)
    }
  })
}

const A1 = 'a1' as AttachmentId
const AN_ATTACHMENT: Attachment = {
  id: A1,
  kind: 'file',
  name: 'a1.txt',
  contentType: 'text/plain',
  size: 100,
  isInline: false,
  contentId: null,
  lastModifiedDateTime: '2026-01-01T00:00:00Z',
}

/** A message of the mailbox whose attachment is listed. */
async function aCopyWithAttachment(stores: Stores, userUpn: string) {
  const { claim, mailbox, save } = await beginCopy(stores, {}, userUpn)
  await save({ messages: [aMessage('m1', { mayHaveAttachments: true })] })
  const usage = { requests: 1, retries: 0, throttledMs: 0 }
  const write: ContentWrite = { claim, mailbox, messageId: 'm1' as MessageId, wanted: 'content', usage, activeMs: 1 }
  await stores.contents.saveListing(write, [AN_ATTACHMENT])
  return { claim, write }
}

function assertOneRefused(ends: readonly PromiseSettledResult<unknown>[], code: string): void {
  const refused = ends.filter((end) => end.status === 'rejected')
  assert.equal(refused.length, 1)
  assert.ok(hasCode(code)(refused[0]?.reason), String(refused[0]?.reason))
}
