import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { USUAL_WAY } from '../copying/checkpoint.ts'
import type { MessageId } from '../copying/message.ts'
import { MovedMeanwhileError } from '../copying/message-store.ts'
import { ClaimLostError } from '../extractions/extraction.ts'
import { DEFAULT_OPTIONS } from '../extractions/options.ts'
import { ARCHIVE, aFolder, aMessage, beginCopy, INBOX, type OpenStores, openInbox } from './testing/fixtures.ts'

/** What is kept of mail, and how it is read. */
export function messagesContract(open: () => Promise<OpenStores>): void {
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

  test('of a page of hundreds of messages each is stored and counted once, also where some are stored already', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const ids = Array.from({ length: 260 }, (_, index) => `m${1000 + index}`)
    await copy.save({ messages: ids.slice(100, 160).map((id) => aMessage(id)) })
    await copy.save({ messages: ids.map((id) => aMessage(id)) })

    assert.deepEqual(await copy.storedIds(), ids)
    const { progress } = await copy.extraction()
    assert.equal(progress.messagesStored, 260)
    assert.equal(progress.messagesUnchanged, 60)
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

  test('a page that was asked for before another folder was found to hold a message does not take it back', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const [inbox, archive] = copy.lanes
    const before = Date.now()
    const since = () => stores.query('select in_folder_since from emails')
    await copy.save({ messages: [aMessage('m1')] }, archive)
    const found = await since()
    await copy.save({ messages: [aMessage('m1', { changeKey: 'k2' })] }, archive)
    assert.deepEqual(await since(), found, 'an edit is no move')

    const isClaimedTwice = (error: unknown) => {
      assert.ok(error instanceof MovedMeanwhileError)
      assert.deepEqual([...error.ids], ['m1'])
      return true
    }
    const stale = { askedAt: before, next: { at: 'page' as const, link: 'https://graph/2' } }
    await assert.rejects(copy.save({ ...stale, messages: [aMessage('m1'), aMessage('m2')] }, inbox), isClaimedTwice)
    await assert.rejects(
      copy.save({ ...stale, patches: [{ id: 'm1' as MessageId, isRead: true }] }, inbox),
      isClaimedTwice,
    )
    assert.deepEqual(await copy.storedIds(), ['m1'], 'nothing of the page is written')
    const [reopened] = await openInbox(stores, copy.claim, copy.mailbox)
    assert.deepEqual(reopened?.checkpoint, { at: 'start' })

    await copy.save({ messages: [aMessage('m1')] }, inbox)
    const [email] = (await stores.emails.listEmails(copy.claim.extractionId, { limit: 1 })).items
    assert.equal(email?.parent_folder_id, INBOX, 'a page that was asked for later is believed')
    assert.notDeepEqual(await since(), found)
  })

  test('a message in the ledger that has moved stays there when its old folder tells that it is gone', async () => {
    await using stores = await open()
    const copy = await beginCopy(stores)
    const [inbox, archive] = copy.lanes
    const skipped = [{ id: 'm1' as MessageId, code: 'Odd', reason: 'odd' }]
    await copy.save({ skipped }, archive)
    await copy.save({ removed: ['m1' as MessageId] }, inbox)
    assert.equal((await stores.messages.listSkipped(copy.mailbox, undefined, 10)).length, 1)
    await copy.save({ removed: ['m1' as MessageId] }, archive)
    assert.equal((await stores.messages.listSkipped(copy.mailbox, undefined, 10)).length, 0)
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
    await stores.messages.openLanes(copy.claim, copy.mailbox, {
      ...DEFAULT_OPTIONS,
      folders: [aFolder(ARCHIVE, 'Archive')],
      isWalkedInFull: true,
      chosen: [ARCHIVE],
    })
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
}
