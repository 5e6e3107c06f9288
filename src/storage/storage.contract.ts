import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { USUAL_WAY } from '../copying/checkpoint.ts'
import type { Folder, FolderId } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import type { KeptMessage, Lane, MailboxKey, PageToSave } from '../copying/message-store.ts'
import { AppError } from '../errors.ts'
import { batchStatus, totalUsers } from '../extractions/batch.ts'
import {
  type BatchId,
  type Claim,
  ClaimLostError,
  type ConnectionId,
  type ExtractionId,
} from '../extractions/extraction.ts'
import { DEFAULT_OPTIONS, type ExtractionOptions } from '../extractions/options.ts'
import type { Stores } from './stores.ts'

const INBOX = 'inbox-id' as FolderId
const ARCHIVE = 'archive-id' as FolderId
const NO_USAGE = { requests: 0, retries: 0, throttledMs: 0 }

/** The stores of an empty database, which closing throws away. */
export interface OpenStores extends Stores, AsyncDisposable {
  /** Rows as SQL by hand reads them. */
  query(text: string): Promise<unknown[]>
}

/** What every database must do for us; each dialect's test opens one and runs these. */
export function storageContract(open: () => Promise<OpenStores>): void {
  test('a message that arrives twice is kept once', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('m1'), aMessage('m2')] })
    await copy.save({ messages: [aMessage('m1'), aMessage('m3')] })

    assert.deepEqual(await copy.storedIds(), ['m1', 'm2', 'm3'])
    const { progress } = await copy.extraction()
    assert.equal(progress.messagesStored, 3)
    assert.equal(progress.messagesUnchanged, 1)
  })

  test('ids that differ only in case are different messages', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('AbC'), aMessage('aBc')] })
    assert.deepEqual(await copy.storedIds(), ['AbC', 'aBc'])
  })

  test('a message with a new change key replaces what was stored of it', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('m1', { subject: 'first' })] })
    await copy.save({ messages: [aMessage('m1', { subject: 'second', changeKey: 'k2' })] })
    const [email] = (await stores.emails.listEmails(copy.claim.extractionId, { limit: 10 })).items
    assert.equal(email?.subject, 'second')
    assert.equal(email?.change_key, 'k2')
  })

  test('a page of an older epoch is refused and leaves nothing behind', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('m1')] })
    await stores.claims.recoverLost()
    const [again] = [await stores.claims.claimNext()]
    assert.equal(again?.claim.extractionId, copy.claim.extractionId)

    await assert.rejects(copy.save({ messages: [aMessage('m2')] }), ClaimLostError)
    assert.deepEqual(await copy.storedIds(), ['m1'])
  })

  test('a page and its checkpoint survive together: the next claim goes on after it', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('m1')], next: { at: 'page', link: 'https://graph/next' } })
    await stores.claims.recoverLost()
    const again = await stores.claims.claimNext()
    assert.ok(again)
    const [lane] = await openInbox(stores, again.claim, copy.mailbox)
    assert.deepEqual(lane?.checkpoint, { at: 'page', link: 'https://graph/next' })
    assert.equal(lane?.done, false)
  })

  test('a new run begins at the delta link of the last one', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('m1')], next: { at: 'end', link: 'https://graph/delta' } })
    await stores.claims.settle(copy.claim, 'complete')

    const second = await beginCopy(stores)
    assert.deepEqual(second.lane.checkpoint, { at: 'end', link: 'https://graph/delta' })
    assert.equal(second.lane.done, false)
  })

  test('asking for another form of the body walks the folder again and rewrites what is stored', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('m1')], next: { at: 'end', link: 'https://graph/delta' } })
    await stores.claims.settle(copy.claim, 'complete')

    const second = await beginCopy(stores, { body: 'text' })
    assert.deepEqual(second.lane.checkpoint, { at: 'start' })
    assert.equal(second.lane.body, 'both')
    await second.save({ messages: [aMessage('m1', { bodyText: 'plain' })] })
    const [email] = (await stores.emails.listEmails(second.claim.extractionId, { limit: 10 })).items
    assert.equal(email?.body_text, 'plain')
  })

  test('removed mail is marked, not erased, and comes back when it is listed again', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('m1')] })
    await copy.save({ removed: ['m1' as MessageId] })
    const removed = (await stores.emails.listEmails(copy.claim.extractionId, { limit: 1 })).items[0]
    assert.ok(removed?.removed_at)
    assert.equal((await copy.extraction()).progress.messagesRemoved, 1)

    await copy.save({ messages: [aMessage('m1')] })
    assert.equal((await stores.emails.listEmails(copy.claim.extractionId, { limit: 1 })).items[0]?.removed_at, null)
  })

  test('a move is one message that changes its folder, whichever folder reports it first', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('m1'), aMessage('m2')] })
    const [, archive] = copy.lanes
    assert.ok(archive)

    await copy.save({ messages: [aMessage('m1')] }, archive) // the new folder first
    await copy.save({ removed: ['m1' as MessageId, 'm2' as MessageId] })
    await copy.save({ messages: [aMessage('m2')] }, archive) // the old folder first

    const { items } = await stores.emails.listEmails(copy.claim.extractionId, { limit: 10 })
    assert.deepEqual(
      items
        .map(({ id, folder_path, removed_at }) => ({ id, folder_path, removed_at }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
      [
        { id: 'm1', folder_path: 'Archive', removed_at: null },
        { id: 'm2', folder_path: 'Archive', removed_at: null },
      ],
    )
  })

  test('a patch changes only what it names', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('m1', { isRead: false })] })
    await copy.save({ patches: [{ id: 'm1' as MessageId, isRead: true }] })
    const [email] = (await stores.emails.listEmails(copy.claim.extractionId, { limit: 1 })).items
    assert.equal(email?.is_read, true)
    assert.equal(email?.subject, 'A subject')
    assert.equal(email?.body, '<p>A body</p>')
  })

  test('a folder that is gone takes its mail along, and is walked anew when it is back', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('m1')], next: { at: 'end', link: 'https://graph/delta' } })
    const withoutInbox = { ...DEFAULT_OPTIONS, folders: [aFolder(ARCHIVE, 'Archive')], chosen: [ARCHIVE] }
    await stores.messages.openLanes(copy.claim, copy.mailbox, withoutInbox)
    assert.ok((await stores.emails.listEmails(copy.claim.extractionId, { limit: 1 })).items[0]?.removed_at)

    const [inbox] = await openInbox(stores, copy.claim, copy.mailbox)
    assert.deepEqual(inbox?.checkpoint, { at: 'start' })
  })

  test('a walk that begins anew notices what went away meanwhile, and stores nothing twice', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const kept = [aMessage('m1'), aMessage('m3')]
    await copy.save({ messages: [...kept, aMessage('m2')], next: { at: 'end', link: 'https://graph/delta' } })
    await copy.save({ messages: [aMessage('elsewhere')] }, copy.lanes[1])

    await stores.messages.restartLane(copy.claim, copy.mailbox, INBOX, USUAL_WAY)
    await copy.save({ messages: [aMessage('m1')] })
    await stores.messages.restartLane(copy.claim, copy.mailbox, INBOX, USUAL_WAY)
    await copy.save({ messages: [aMessage('m3')] })
    const { items: halfWay } = await stores.emails.listEmails(copy.claim.extractionId, { limit: 9 })
    assert.ok(
      halfWay.every((email) => email.removed_at === null),
      'nothing is said to be gone before the end',
    )
    await copy.save({
      patches: [{ id: 'm1' as MessageId, isRead: false }],
      next: { at: 'end', link: 'https://graph/2' },
    })

    const { items } = await stores.emails.listEmails(copy.claim.extractionId, { limit: 9 })
    const gone = items.filter((email) => email.removed_at !== null).map((email) => email.id)
    assert.deepEqual(gone, ['m2'])
    assert.equal(items.length, 4)
  })

  test('results are read newest first, page by page, mail without a date last', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const at = (id: string, receivedDateTime: string | null) => aMessage(id, { receivedDateTime })
    await copy.save({
      messages: [
        at('old', '2020-01-01T00:00:00Z'),
        at('none', null),
        at('new', '2026-01-01T00:00:00Z'),
        at('same', '2020-01-01T00:00:00Z'),
      ],
    })
    const ids: string[] = []
    for (let after: Parameters<typeof stores.emails.listEmails>[1]['after']; ; ) {
      const { items, next } = await stores.emails.listEmails(copy.claim.extractionId, { limit: 1, after })
      ids.push(...items.map((email) => email.id))
      if (!next) break
      after = next
    }
    assert.deepEqual(ids, ['new', 'same', 'old', 'none'])
    assert.equal(await stores.emails.countEmails(copy.claim.extractionId), 4)
  })

  test('odd characters come back as they were stored', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const subject = 'Ω שלום \u{1F4E7} "quoted" \\ it\'s \t%_'
    await copy.save({
      messages: [
        aMessage('m1', { subject, recipients: [{ recipient_type: 'to', email_address: null, name: subject }] }),
      ],
    })
    const [email] = (await stores.emails.listEmails(copy.claim.extractionId, { limit: 1 })).items
    assert.equal(email?.subject, subject)
    assert.deepEqual(email?.recipients, [{ recipient_type: 'to', email_address: null, name: subject }])
  })

  test('text that no database can hold has U+FFFD in its place, and fails no page', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const odd = 'before \0 and \ud83d after \\u0000'
    const kept = /^before [\0\uFFFD] and \uFFFD after \\u0000$/ // a text column of SQLite keeps NUL
    const recipients = [{ recipient_type: 'to' as const, email_address: 'a@x.example', name: odd }]
    await copy.save({
      messages: [aMessage('m1', { subject: odd, body: odd, categories: [odd], recipients })],
      skipped: [{ id: 'm2' as MessageId, code: 'Odd', reason: odd }],
    })
    await copy.save({ patches: [{ id: 'm1' as MessageId, categories: [odd, odd] }] })
    const [email] = (await stores.emails.listEmails(copy.claim.extractionId, { limit: 1 })).items
    assert.match(email?.subject ?? '', kept)
    assert.match(email?.body ?? '', kept)
    assert.match(email?.recipients[0]?.name ?? '', kept)
    assert.match(email?.categories[1] ?? '', kept)
  })

  test('times come back as they were given, whatever the year; what is no time is kept as none', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const times = [
      '0001-01-01T00:00:00Z',
      '1601-01-01T00:00:00Z',
      '2024-02-29T23:59:59.123Z',
      '2024-06-01T12:00:00Z',
      '9999-12-31T23:59:59Z',
    ]
    const none = ['0000-00-00T00:00:00Z', '2023-02-30T00:00:00Z', '12345-01-01T00:00:00Z', 'soon', '', '2024-06-01']
    const messages = [...times, ...none].map((time, n) =>
      aMessage(`m${10 + n}`, { receivedDateTime: time, sentDateTime: time, createdDateTime: time }),
    )
    await copy.save({ messages })
    const { items } = await stores.emails.listEmails(copy.claim.extractionId, { limit: 20 })
    assert.deepEqual(
      items.map((email) => email.received_date_time),
      [...times.toReversed(), ...none.map(() => null)],
    )
    assert.ok(items.every((email) => email.sent_date_time === email.received_date_time))
  })

  test('long values fail no page: ids of Graph at their longest, texts of any length', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const longId = randomBytes(750).toString('base64url')
    const long = randomBytes(100_000).toString('base64')
    const changes = {
      changeKey: long,
      subject: long,
      conversationId: long,
      internetMessageId: long,
      webLink: long,
      mayHaveAttachments: true,
    }
    await copy.save({
      messages: [aMessage(longId, changes)],
      skipped: [{ id: `${longId}2` as MessageId, code: 'Odd', reason: long }],
      next: { at: 'page', link: long },
    })
    assert.deepEqual(await copy.storedIds(), [longId])
  })

  test('a cursor with a time that is none reads on from where mail without a time begins', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    await copy.save({ messages: [aMessage('dated'), aMessage('undated', { receivedDateTime: null })] })
    const after = { receivedDateTime: "soon'", row: Number.MAX_SAFE_INTEGER }
    const { items } = await stores.emails.listEmails(copy.claim.extractionId, { limit: 9, after })
    assert.deepEqual(
      items.map((email) => email.id),
      ['undated'],
    )
  })

  test('recipients are read from SQL by hand as well, one row each', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const recipients = [
      { recipient_type: 'to' as const, email_address: 'a@x.example', name: 'A' },
      { recipient_type: 'cc' as const, email_address: 'b@x.example', name: null },
    ]
    await copy.save({ messages: [aMessage('m1', { recipients }), aMessage('m2')] })
    const rows = await stores.query('select email_id, recipient_type, email_address, name from email_recipients')
    assert.deepEqual(rows, [
      { email_id: 'm1', ...recipients[0] },
      { email_id: 'm1', ...recipients[1] },
    ])
  })

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

  test('a folder that is filled by ranges goes on where each of them stopped, and ends as if it had been walked', async () => {
    await using stores = await open()
    const { claim, mailbox, lane, save, extraction } = await beginCopy(stores)
    const range = (number: number, from: string, before: string) => ({ number, from, before, link: null })
    const older = range(0, '2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z')
    const newer = range(1, '2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z')
    const filling = await stores.messages.beginFill(claim, mailbox, lane, [older, newer])
    const stillOpen = async () =>
      (await stores.messages.openRanges(mailbox, INBOX)).toSorted((one, other) => one.number - other.number)

    const half = { before: '2026-06-01T00:00:00Z', link: 'more of this second' }
    await save(
      { messages: [aMessage('m1'), aMessage('old')], next: undefined, range: { number: 1, rest: half } },
      filling,
    )
    const split = { ...newer, from: '2026-03-01T00:00:00Z' }
    const third = range(2, newer.from, split.from)
    await stores.messages.splitRange(claim, mailbox, INBOX, split, third)
    assert.deepEqual(await stillOpen(), [older, { ...split, ...half }, third])
    for (const number of [0, 1, 2]) await save({ next: undefined, range: { number, rest: undefined } }, filling)
    assert.deepEqual(await stillOpen(), [])

    const noted = (id: string, changeKey: string | null) => ({ id: id as MessageId, changeKey })
    await save({ next: { at: 'page', link: '2' }, noted: [noted('m1', 'k0'), noted('undated', 'k1')] }, filling)
    await save({ next: undefined, noted: [noted('m1', 'k1'), noted('told in part', null)] }, filling)
    const unfilled = (after?: string) => stores.messages.unfilledMessages(mailbox, filling, after as MessageId)
    assert.deepEqual(
      await unfilled(),
      { ids: ['told in part', 'undated'], last: 'undated' },
      'the last word on m1 is what is stored',
    )
    assert.deepEqual(await unfilled('told in part'), { ids: ['undated'], last: 'undated' })
    assert.deepEqual(await unfilled('undated'), { ids: [], last: undefined })
    assert.deepEqual(await stores.messages.unwalkedMessages(mailbox, INBOX, 10), ['old'])

    await save({ messages: [aMessage('undated')], next: undefined }, filling)
    await save({ next: { at: 'end', link: 'delta' } }, filling)
    assert.deepEqual(
      await stores.messages.countFolder(mailbox, INBOX),
      { stored: 2, skipped: 0 },
      'the old one is gone',
    )
    const [reopened] = await openInbox(stores, claim, mailbox)
    assert.deepEqual([reopened?.filling, reopened?.checkpoint], [false, { at: 'end', link: 'delta' }])
    const { progress } = await extraction()
    assert.equal(progress.messagesListed, 4, 'what is only noted is not counted')
  })

  test('a fill that is given up leaves what is stored, and the folder is walked in another way', async () => {
    await using stores = await open()
    const { claim, mailbox, lane, save, storedIds } = await beginCopy(stores)
    const range = { number: 0, from: '2025-01-01T00:00:00Z', before: '2026-01-01T00:00:00Z', link: null }
    const filling = await stores.messages.beginFill(claim, mailbox, lane, [range])
    await save({ messages: [aMessage('m1')], next: undefined, range: { number: 0, rest: range } }, filling)
    const walked = await stores.messages.abandonFill(claim, mailbox, filling, USUAL_WAY)
    assert.deepEqual([walked.filling, walked.checkpoint, walked.way], [false, { at: 'start' }, USUAL_WAY])
    assert.deepEqual(await stores.messages.openRanges(mailbox, INBOX), [])
    assert.deepEqual(await storedIds(), ['m1'])
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

/** A run of c1 that a worker has begun: its claim, its mailbox and the lane of the Inbox. */
export async function beginCopy(stores: Stores, asked: Partial<ExtractionOptions> = {}, userUpn = 'a@x.example') {
  const options = { ...DEFAULT_OPTIONS, ...asked }
  const connectionId = userUpn === 'a@x.example' ? 'c1' : userUpn
  await stores.extractions.submit({ ...aSubmission(connectionId, userUpn), options })
  const claimed = await stores.claims.claimNext()
  assert.ok(claimed)
  const { claim } = claimed
  const mailbox = await stores.messages.bindMailbox(claim, {
    objectId: userUpn === 'a@x.example' ? 'o1' : userUpn,
    userUpn,
  })
  assert.ok(mailbox !== 'busy')
  const lanes = await openInbox(stores, claim, mailbox, options)
  const [lane] = lanes
  assert.ok(lane)
  return {
    claim,
    mailbox,
    lane,
    lanes,
    anEmptyPage: AN_EMPTY_PAGE,
    save: (page: Partial<PageToSave>, into: Lane = lane) =>
      stores.messages.savePage(claim, mailbox, into, { ...AN_EMPTY_PAGE, ...page }),
    async storedIds() {
      const { items } = await stores.emails.listEmails(claim.extractionId, { limit: 1_000 })
      return items.map((email) => email.id).sort()
    },
    async extraction() {
      const extraction = await stores.extractions.findLatest(connectionId as ConnectionId)
      assert.ok(extraction)
      return extraction
    },
  }
}

function openInbox(stores: Stores, claim: Claim, mailbox: MailboxKey, options: Partial<ExtractionOptions> = {}) {
  const folders = [aFolder(INBOX, 'Inbox'), aFolder(ARCHIVE, 'Archive')]
  return stores.messages.openLanes(claim, mailbox, {
    ...DEFAULT_OPTIONS,
    ...options,
    folders,
    chosen: [INBOX, ARCHIVE],
  })
}

const AN_EMPTY_PAGE: PageToSave = {
  messages: [],
  patches: [],
  unchanged: [],
  skipped: [],
  removed: [],
  next: { at: 'page', link: 'https://graph/page' },
  usage: NO_USAGE,
  activeMs: 1,
}

export function aSubmission(connectionId: string, userUpn: string) {
  return {
    id: randomUUID() as ExtractionId,
    connectionId: connectionId as ConnectionId,
    userUpn,
    credentials: {},
    options: DEFAULT_OPTIONS,
  }
}

/** Starts a run of the connection, after the one before has ended. */
function submit(stores: Stores, connectionId: string, userUpn: string) {
  return stores.extractions.submit(aSubmission(connectionId, userUpn))
}

export async function submitBatch(stores: Stores, userUpns: string[]): Promise<BatchId> {
  const id = `batch_${randomUUID()}` as BatchId
  await stores.extractions.submitBatch({
    id,
    source: { kind: 'users' },
    userUpns,
    exclude: [],
    credentials: {},
    options: DEFAULT_OPTIONS,
  })
  return id
}

function aFolder(id: FolderId, path: string): Folder {
  return { id, parentId: null, displayName: path, path, isHidden: false, isRecoverable: false, totalItemCount: 10 }
}

export function aMessage(id: string, changes: Partial<KeptMessage> = {}): KeptMessage {
  return {
    id: id as MessageId,
    changeKey: 'k1',
    messageType: 'message',
    subject: 'A subject',
    body: '<p>A body</p>',
    bodyType: 'html',
    bodyText: null,
    bodyPreview: 'A body',
    importance: 'normal',
    conversationId: null,
    internetMessageId: `<${id}@x.example>`,
    createdDateTime: '2026-01-01T00:00:00Z',
    lastModifiedDateTime: '2026-01-01T00:00:00Z',
    receivedDateTime: '2026-01-01T00:00:00Z',
    sentDateTime: '2026-01-01T00:00:00Z',
    hasAttachments: false,
    mayHaveAttachments: false,
    isDraft: false,
    isRead: true,
    recipients: [],
    categories: [],
    flag: null,
    inferenceClassification: 'focused',
    webLink: null,
    internetMessageHeaders: null,
    ...changes,
  }
}

export function hasCode(code: string) {
  return (error: unknown) => error instanceof AppError && error.code === code
}
