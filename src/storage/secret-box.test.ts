import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { AppError } from '../errors.ts'
import { SecretBox } from './secret-box.ts'

const isKeyChanged = (error: unknown) => error instanceof AppError && error.code === 'secret_key_changed'

test('what is sealed can be opened, and looks different every time', () => {
  const box = new SecretBox(randomBytes(32))
  const [one, other] = [box.seal('päss 🔑'), box.seal('päss 🔑')]
  assert.notEqual(one, other)
  assert.equal(box.open(one), 'päss 🔑')
  assert.equal(box.open(other), 'päss 🔑')
})

test('another key, a changed byte or a cut end is noticed', () => {
  const box = new SecretBox(randomBytes(32))
  const sealed = box.seal('secret')
  assert.throws(() => new SecretBox(randomBytes(32)).open(sealed), isKeyChanged)
  for (let index = 0; index < sealed.length; index += 7) {
    const changed = sealed.slice(0, index) + (sealed[index] === 'A' ? 'B' : 'A') + sealed.slice(index + 1)
    assert.throws(() => box.open(changed), isKeyChanged)
  }
  assert.throws(() => box.open(sealed.slice(0, 20)), isKeyChanged)
  assert.throws(() => box.open(''), isKeyChanged)
})

test('a fingerprint is equal for equal texts under one key only', () => {
  const key = randomBytes(32)
  const box = new SecretBox(key)
  assert.equal(box.fingerprint('a'), new SecretBox(key).fingerprint('a'))
  assert.notEqual(box.fingerprint('a'), box.fingerprint('b'))
  assert.notEqual(box.fingerprint('a'), new SecretBox(randomBytes(32)).fingerprint('a'))
})
