import assert from 'node:assert/strict'
import { test } from 'node:test'
import { USUAL_WAY } from '../copying/checkpoint.ts'
import type { MessageId } from '../copying/message.ts'
import { EVERYTHING, type Spans } from '../copying/spans.ts'
import { aMessage, beginCopy, INBOX, type OpenStores, openInbox } from './testing/fixtures.ts'

/** Folders that are filled by ranges. */
export function fillsContract(open: () => Promise<OpenStores>): void {
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
      {
        messages: [aMessage('edited'), aMessage('m1'), aMessage('old')],
        next: undefined,
        range: { number: 1, rest: half },
      },
      filling,
    )
    const split = { ...newer, from: '2026-03-01T00:00:00Z' }
    const third = range(2, newer.from, split.from)
    await stores.messages.splitRange(claim, mailbox, INBOX, split, third)
    assert.deepEqual(await stillOpen(), [older, { ...split, ...half }, third])
    for (const number of [0, 1, 2]) await save({ next: undefined, range: { number, rest: undefined } }, filling)
    assert.deepEqual(await stillOpen(), [])

    const noted = (id: string, changeKey: string | null) => ({ id: id as MessageId, changeKey })
    await save(
      { next: { at: 'page', link: '2' }, noted: [noted('m1', 'k0'), noted('undated', 'k1'), noted('edited', 'k2')] },
      filling,
    )
    await save({ next: undefined, noted: [noted('m1', 'k1'), noted('told in part', null)] }, filling)
    const unfilled = (after?: string) => stores.messages.unfilledMessages(mailbox, filling, after as MessageId)
    assert.deepEqual(
      await unfilled(),
      { ids: ['edited', 'told in part', 'undated'], stored: 2, last: 'undated' },
      'the last word on m1 is what is stored; of the edited one an earlier version is',
    )
    assert.deepEqual(await unfilled('told in part'), { ids: ['undated'], stored: 0, last: 'undated' })
    assert.deepEqual(await unfilled('undated'), { ids: [], stored: 0, last: undefined })
    const unwalked = (after?: string) => stores.messages.unwalkedMessages(mailbox, INBOX, after as MessageId)
    assert.deepEqual(await unwalked(), { ids: ['old'], last: 'old' })
    assert.deepEqual(await unwalked('old'), { ids: [], last: undefined })

    await save({ messages: [aMessage('undated'), aMessage('edited', { changeKey: 'k2' })], next: undefined }, filling)
    await save({ next: { at: 'end', link: 'delta' } }, filling)
    assert.deepEqual(
      await stores.messages.countFolder(mailbox, INBOX, EVERYTHING),
      { stored: 3, skipped: 0 },
      'the old one is gone',
    )
    const [reopened] = await openInbox(stores, claim, mailbox)
    assert.deepEqual([reopened?.filling, reopened?.checkpoint], [false, { at: 'end', link: 'delta' }])
    const { progress } = await extraction()
    assert.equal(progress.messagesListed, 6, 'what is only noted is not counted')
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

  test('a run over a stretch of time has all of it to read, one over a longer stretch only what that has more', async () => {
    await using stores = await open()
    const { claim, mailbox, lane, save } = await beginCopy(stores, in2025)
    assert.deepEqual(
      [lane.received, lane.gaps],
      [[YEAR_2025], undefined],
      'all of it, as of a lane that nobody has walked',
    )
    const filling = await stores.messages.beginFill(claim, mailbox, lane, [])
    await save({ next: { at: 'end', link: 'delta' } }, filling)

    const reopen = async (after: string | null, before: string | null) => {
      const [again] = await openInbox(stores, claim, mailbox, { receivedAfter: after, receivedBefore: before })
      return again
    }
    const same = await reopen(YEAR_2025.from, YEAR_2025.before)
    assert.deepEqual([same?.gaps, same?.checkpoint], [undefined, { at: 'end', link: 'delta' }])
    const shorter = await reopen('2025-03-01T00:00:00Z', '2025-04-01T00:00:00Z')
    assert.deepEqual(
      [shorter?.received, shorter?.gaps],
      [[YEAR_2025], undefined],
      'what was asked for is kept as it is',
    )
    const longer = await reopen('2024-01-01T00:00:00Z', null)
    assert.deepEqual(longer?.received, [{ from: '2024-01-01T00:00:00Z', before: null }])
    assert.deepEqual(longer?.gaps, [
      { from: '2024-01-01T00:00:00Z', before: '2025-01-01T00:00:00Z' },
      { from: '2026-01-01T00:00:00Z', before: null },
    ])
    const apart = await reopen('2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z')
    const year2020 = { from: '2020-01-01T00:00:00Z', before: '2021-01-01T00:00:00Z' }
    assert.deepEqual([apart?.received, apart?.gaps], [[year2020, YEAR_2025], [year2020]])
    const everything = await reopen(null, null)
    assert.deepEqual(everything?.gaps, [
      { from: null, before: '2025-01-01T00:00:00Z' },
      { from: '2026-01-01T00:00:00Z', before: null },
    ])
  })

  test('of a fill that another run widens, what it has read is not read again', async () => {
    await using stores = await open()
    const { claim, mailbox, lane, save } = await beginCopy(stores, in2025)
    const range = { number: 0, ...YEAR_2025, link: null }
    const filling = await stores.messages.beginFill(claim, mailbox, lane, [range])
    const rest = { before: '2025-07-01T00:00:00Z', link: null }
    await save({ next: undefined, range: { number: 0, rest } }, filling)
    const [widened] = await openInbox(stores, claim, mailbox, { receivedAfter: YEAR_2025.from, receivedBefore: null })
    assert.deepEqual(widened?.gaps, [
      { from: '2025-01-01T00:00:00Z', before: '2025-07-01T00:00:00Z' },
      { from: '2026-01-01T00:00:00Z', before: null },
    ])
  })

  test('a lane that holds everything stays so, whatever stretch is asked for later', async () => {
    await using stores = await open()
    const { claim, mailbox, save } = await beginCopy(stores)
    await save({ messages: [aMessage('m1')], next: { at: 'end', link: 'delta' } })
    await save({ next: { at: 'page', link: 'changes' } })
    const [lane] = await openInbox(stores, claim, mailbox, in2025)
    assert.deepEqual([lane?.received, lane?.gaps], [EVERYTHING, undefined])
    assert.deepEqual(lane?.checkpoint, { at: 'page', link: 'changes' })
  })

  test('a run that never came to its end binds no later one: what that asks for less is not copied', async () => {
    await using stores = await open()
    const { claim, mailbox, lane, save } = await beginCopy(stores)
    const [untouched] = await openInbox(stores, claim, mailbox, in2025)
    assert.deepEqual([untouched?.received, untouched?.gaps], [[YEAR_2025], undefined])
    await openInbox(stores, claim, mailbox)
    await save({ messages: [aMessage('m1')], next: { at: 'page', link: 'more' } })
    const [begun] = await openInbox(stores, claim, mailbox, in2025)
    assert.deepEqual([begun?.received, begun?.gaps], [[YEAR_2025], [YEAR_2025]])

    const range = { number: 0, from: '2020-01-01T00:00:00Z', before: '2027-01-01T00:00:00Z', link: null }
    const filling = await stores.messages.beginFill(claim, mailbox, { ...lane, received: EVERYTHING }, [range])
    const rest = { before: '2025-07-01T00:00:00Z', link: null }
    await save({ next: undefined, range: { number: 0, rest } }, filling)
    const [half] = await openInbox(stores, claim, mailbox, in2025)
    assert.deepEqual(half?.received, [YEAR_2025])
    assert.deepEqual(half?.gaps, [{ from: '2025-01-01T00:00:00Z', before: '2025-07-01T00:00:00Z' }])
  })

  test('in another form of the body a stretch of time is read anew', async () => {
    await using stores = await open()
    const { claim, mailbox, lane, save } = await beginCopy(stores, in2025)
    const filling = await stores.messages.beginFill(claim, mailbox, lane, [])
    await save({ next: { at: 'end', link: 'delta' } }, filling)
    const [both] = await openInbox(stores, claim, mailbox, { ...in2025, body: 'both' })
    assert.deepEqual([both?.checkpoint, both?.way], [{ at: 'start' }, USUAL_WAY], 'as a lane that nobody has walked')
    assert.deepEqual(both?.received, [YEAR_2025])
  })

  test('what a fill counts beforehand is what the run expects', async () => {
    await using stores = await open()
    const { claim, mailbox, lane, extraction } = await beginCopy(stores, in2025)
    const before = (await extraction()).progress.messagesTotal
    await stores.messages.beginFill(claim, mailbox, { ...lane, expected: lane.expected + 7 }, [])
    assert.equal((await extraction()).progress.messagesTotal, before + 7)
  })

  test('of mail that is stored, what was received within some stretches is counted', async () => {
    await using stores = await open()
    const { mailbox, save } = await beginCopy(stores)
    const times = ['2024-12-31T23:59:59Z', '2025-01-01T00:00:00Z', '2025-12-31T23:59:59Z', '2026-01-01T00:00:00Z', null]
    await save({ messages: times.map((receivedDateTime, n) => aMessage(`m${n}`, { receivedDateTime })) })
    const count = async (received: Spans) => (await stores.messages.countFolder(mailbox, INBOX, received)).stored
    assert.equal(await count(EVERYTHING), 5)
    assert.equal(await count([YEAR_2025]), 2)
    assert.equal(
      await count([
        { from: null, before: YEAR_2025.from },
        { from: YEAR_2025.before, before: null },
      ]),
      2,
    )
    assert.equal(await count([]), 0)
  })
}

const YEAR_2025 = { from: '2025-01-01T00:00:00Z', before: '2026-01-01T00:00:00Z' }
const in2025 = { receivedAfter: YEAR_2025.from, receivedBefore: YEAR_2025.before }
