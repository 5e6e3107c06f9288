import assert from 'node:assert/strict'
import { test } from 'node:test'
import { USUAL_WAY } from '../copying/checkpoint.ts'
import { BrokenAnswerError } from './failure.ts'
import { GraphUrl } from './graph-url.ts'
import { readMessagePage } from './message-page.ts'

const graphUrl = new GraphUrl('https://graph.microsoft.com/')
const next = "https://graph.microsoft.com/v1.0/users('u')/mailFolders('f')/messages/delta?$skiptoken=1"
const delta = "https://graph.microsoft.com/v1.0/users('u')/mailFolders('f')/messages/delta?$deltatoken=1"

const whole = (id: string, subject = 'A') => ({ id, changeKey: 'CQ', body: { content: 'x' }, subject })
const gone = (id: string) => ({ id, '@removed': { reason: 'deleted' } })

function read(value: unknown[], link?: string) {
  return readMessagePage({ value, '@odata.nextLink': next }, graphUrl, USUAL_WAY, link).page
}

function brokenAs(reason: string) {
  return (error: unknown) => error instanceof BrokenAnswerError && error.reason === reason
}

test('whole messages, changes of state, other changes and removals are told apart', () => {
  const page = read([whole('a'), { id: 'b', isRead: true }, { id: 'c', subject: 'B' }, gone('d')])
  assert.deepEqual(
    page.messages.map((message) => message.id),
    ['a'],
  )
  assert.deepEqual(page.patches, [{ id: 'b', isRead: true }])
  assert.deepEqual(page.incomplete, ['c'])
  assert.deepEqual(page.removed, ['d'])
})

test('an id that comes twice on a page is kept once, as its last word says', () => {
  const page = read([
    ...[whole('a', 'old'), whole('a', 'new')],
    ...[whole('b'), gone('b')],
    ...[gone('c'), whole('c')],
    ...[whole('d'), { id: 'd', isRead: true }],
    ...[{ id: 'e', isRead: true }, gone('e')],
  ])
  assert.deepEqual(
    page.messages.map((message) => [message.id, message.subject]),
    [
      ['a', 'new'],
      ['c', 'A'],
    ],
  )
  assert.deepEqual(page.removed.toSorted(), ['b', 'e'])
  assert.deepEqual(page.incomplete, ['d'])
  assert.deepEqual(page.patches, [])
})

test('a next link goes on, a delta link ends the round, an empty page goes on as well', () => {
  assert.deepEqual(read([]).next, { at: 'page', link: next })
  const end = readMessagePage({ value: [], '@odata.deltaLink': delta }, graphUrl, USUAL_WAY, next)
  assert.deepEqual(end.page.next, { at: 'end', link: delta })
  assert.equal(end.itemCount, 0)
})

test('an answer without items, without links or with items without ids is broken', () => {
  const broken = [null, [], {}, { value: null }, { value: [], '@odata.context': 'x' }]
  for (const json of broken)
    assert.throws(() => readMessagePage(json, graphUrl, USUAL_WAY, undefined), brokenAs('broken_answer'))
  for (const item of [null, 'x', {}, { id: '' }, { id: 7 }, { id: null }])
    assert.throws(() => read([item]), brokenAs('broken_answer'))
})

test('a link to another host, or one with its id left out, is not followed', () => {
  const links = [
    'https://evil.example/v1.0/users/u/messages',
    'http://graph.microsoft.com/v1.0/users/u/messages',
    'https://graph.microsoft.com@evil.example/v1.0',
    'https://graph.microsoft.com/v1.0/users//mailFolders/f/messages/delta?$skiptoken=1',
    '/v1.0/users/u',
    'nonsense',
    7,
  ]
  for (const link of links) {
    assert.throws(
      () => readMessagePage({ value: [], '@odata.nextLink': link }, graphUrl, USUAL_WAY, undefined),
      brokenAs('bad_link'),
    )
    assert.throws(
      () => readMessagePage({ value: [], '@odata.deltaLink': link }, graphUrl, USUAL_WAY, undefined),
      brokenAs('bad_link'),
    )
  }
})

test('a page that names itself as the next one is broken; a delta link may stay the same', () => {
  assert.throws(() => read([], next), brokenAs('repeated_link'))
  assert.equal(
    readMessagePage({ value: [], '@odata.deltaLink': delta }, graphUrl, USUAL_WAY, delta).page.next.at,
    'end',
  )
})
