import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { locateJsonError } from './json-position.ts'

const CASES: [text: string, where: string][] = [
  ['{"a": 1', 'it ends too early'],
  ['', 'it ends too early'],
  ['{"a" 1}', 'malformed at line 1, column 6'],
  ['{a: 1}', 'malformed at line 1, column 2'],
  ['[1, 2,]', 'malformed at line 1, column 7'],
  ['{}\n{}', 'malformed at line 2, column 1'],
  ['{"a":\n  tru}', 'malformed at line 2, column 3'],
  ['[01]', 'malformed at line 1, column 2'],
  ['[1}', 'malformed at line 1, column 3'],
  [']', 'malformed at line 1, column 1'],
  ['["\\x"]', 'malformed at line 1, column 2'],
]

for (const [text, where] of CASES) {
  test(`${JSON.stringify(text)} is told as: ${where}`, () => {
    assert.equal(locateJsonError(text), where)
  })
}

test('what is JSON has no error before its end', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.equal(locateJsonError(text), 'it ends too early')
    }),
  )
})

test('a stray sign put into JSON is found no later than where it stands', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.nat(), (numbers, seed) => {
      const text = JSON.stringify(numbers)
      const at = seed % text.length
      const found = /column (\d+)/.exec(locateJsonError(`${text.slice(0, at)};${text.slice(at)}`))
      assert.ok(found && Number(found[1]) <= at + 1)
    }),
  )
})
