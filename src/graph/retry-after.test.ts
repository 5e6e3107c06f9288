import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRetryAfter } from './retry-after.ts'

const sentAt = Date.parse('Mon, 05 Jan 2026 09:00:00 GMT')

test('seconds are taken whole or with a fraction', () => {
  assert.equal(parseRetryAfter('10', sentAt), 10_000)
  assert.equal(parseRetryAfter('2.128', sentAt), 2_128)
})

test('a date is measured from when the answer was sent', () => {
  assert.equal(parseRetryAfter('Mon, 05 Jan 2026 09:01:30 GMT', sentAt), 90_000)
})

test('an absent or absurd value is no value', () => {
  const absurd = [
    undefined,
    '',
    ' ',
    '0',
    '-5',
    'NaN',
    'soon',
    'Infinity',
    '7201',
    '1e9',
    'Mon, 05 Jan 2026 08:00:00 GMT',
  ]
  for (const value of absurd) assert.equal(parseRetryAfter(value, sentAt), undefined, String(value))
})
