import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { comparePlaces, FolderSequence, MergedSequence } from './message-sequence.ts'

// Guests (keys 1000 and up) arrive at their own times; own messages come in runs of equal seconds, the first without date.
const receivedAt = (key: number): number | null => (key >= 1000 ? (key * 7) % 40 : key < 2 ? null : Math.floor(key / 3))

const change = fc.record({
  add: fc.boolean(),
  key: fc.oneof(fc.integer({ min: 0, max: 59 }), fc.integer({ min: 1000, max: 1020 })),
})

function changed(count: number, changes: readonly { add: boolean; key: number }[]) {
  const sequence = new FolderSequence(0, count, receivedAt)
  const model = new Set(Array.from({ length: count }, (_, key) => key))
  for (const { add, key } of changes) {
    if (key < 1000 && key >= count) continue
    if (add) model.add(key)
    else model.delete(key)
    if (add) sequence.add(key)
    else sequence.remove(key)
  }
  return { sequence, model: sorted([...model]) }
}

function sorted(keys: number[]): number[] {
  return keys.sort((one, other) => comparePlaces(placeOf(one), placeOf(other)))
}

function placeOf(key: number) {
  return { key, receivedAt: receivedAt(key) }
}

test('a folder lists the same messages as a plain sorted set, from any position and in both directions', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60 }),
      fc.array(change, { maxLength: 40 }),
      fc.nat(80),
      (count, changes, position) => {
        const { sequence, model } = changed(count, changes)
        assert.equal(sequence.length, model.length)
        assert.deepEqual([...sequence.keysFrom(position)], model.slice(position))
        assert.deepEqual([...sequence.keysFromOldest(position)], model.toReversed().slice(position))
      },
    ),
  )
})

test('a place is found again after the messages around it have gone', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), fc.nat(59), (changes, key) => {
      const { sequence, model } = changed(60, changes)
      const before = model.filter((other) => comparePlaces(placeOf(other), placeOf(key)) < 0).length
      assert.equal(sequence.countBefore(placeOf(key)), before)
      assert.equal(sequence.countBefore(placeOf(key), true), before + (model.includes(key) ? 1 : 0))
    }),
  )
})

test('several folders merge into one list by date', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), fc.nat(90), (changes, position) => {
      const { sequence, model } = changed(50, changes)
      const other = new FolderSequence(2000, 30, receivedAt2)
      const at = (key: number) => (key >= 2000 ? receivedAt2(key) : receivedAt(key))
      const merged = new MergedSequence([sequence, other], at)
      const all = [...model, ...Array.from({ length: 30 }, (_, index) => 2000 + index)]
      all.sort((one, two) => comparePlaces({ key: one, receivedAt: at(one) }, { key: two, receivedAt: at(two) }))
      assert.deepEqual([...merged.keysFrom(position)], all.slice(position))
      assert.deepEqual([...merged.keysFromOldest(position)], all.toReversed().slice(position))
    }),
  )
})

function receivedAt2(key: number): number {
  return Math.floor((key - 2000) / 2)
}
