import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RangesRefusedError } from '../copying/mailbox.ts'
import { BrokenAnswerError } from './failure.ts'
import { GraphUrl } from './graph-url.ts'
import { boundQuery, rangeQuery, readRangePage, readReceived } from './range-page.ts'

const graphUrl = new GraphUrl('https://graph.microsoft.com/')
const LINK = "https://graph.microsoft.com/v1.0/users('u')/mailFolders('f')/messages?$skip=2"
const RANGE = { number: 0, from: '2026-01-01T00:00:00Z', before: '2026-02-01T00:00:00Z', link: null }

function message(id: string, receivedDateTime: string | null) {
  return { id, changeKey: 'k', body: { content: 'x' }, receivedDateTime }
}

function rest(times: (string | null)[], link: string | undefined = LINK, range = RANGE) {
  const value = times.map((time, index) => message(`m${index}`, time))
  return readRangePage({ value, ...(link && { '@odata.nextLink': link }) }, graphUrl, range).rest
}

test('the next page begins with the last second of this one, for there may be more of it', () => {
  assert.deepEqual(rest(['2026-01-20T00:00:00Z', '2026-01-10T12:00:00Z']), {
    before: '2026-01-10T12:00:01Z',
    link: null,
  })
  assert.deepEqual(rest(['2026-01-10T12:00:00.9994Z'])?.before, '2026-01-10T12:00:01Z')
})

test('without a next link the range is at its end', () => {
  assert.equal(readRangePage({ value: [] }, graphUrl, RANGE).rest, undefined)
})

test('within a second that fills a page the link leads on, and so it does behind an empty page', () => {
  const second = { ...RANGE, before: '2026-01-10T12:00:01Z' }
  const inIt = '2026-01-10T12:00:00Z'
  assert.deepEqual(rest([inIt, inIt], LINK, second), { before: second.before, link: LINK })
  assert.deepEqual(rest([], LINK, RANGE), { before: RANGE.before, link: LINK })
  assert.deepEqual(rest([inIt, '2026-01-09T00:00:00Z'], LINK, second), { before: '2026-01-09T00:00:01Z', link: null })
})

test('where Graph does not keep the order, nobody could go on from the last time: there are no ranges', () => {
  for (const times of [
    ['2026-01-10T00:00:00Z', '2026-01-11T00:00:00Z'],
    ['2026-01-10T00:00:00Z', null],
  ]) {
    assert.throws(() => rest(times), RangesRefusedError)
  }
})

test('messages without bodies are none that a range could bring', () => {
  const bare = { id: 'a', changeKey: 'k', subject: 'A', receivedDateTime: '2026-01-10T00:00:00Z' }
  assert.throws(() => readRangePage({ value: [bare] }, graphUrl, RANGE), RangesRefusedError)
})

test('Graph is asked by what it sorts by', () => {
  assert.equal(
    decodeURIComponent(rangeQuery(RANGE)),
    '$filter=receivedDateTime ge 2026-01-01T00:00:00Z and receivedDateTime lt 2026-02-01T00:00:00Z&$orderby=receivedDateTime desc',
  )
  assert.match(decodeURIComponent(boundQuery('oldest')), /\$orderby=receivedDateTime asc$/)
})

test('a message that was chosen by its time has one', () => {
  assert.deepEqual(readReceived({ value: [message('a', '2026-01-10T00:00:00Z')] }), [
    { id: 'a', receivedDateTime: '2026-01-10T00:00:00Z' },
  ])
  assert.throws(() => readReceived({ value: [message('a', null)] }), BrokenAnswerError)
})
