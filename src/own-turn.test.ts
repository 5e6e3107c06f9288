import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ownTurn } from './own-turn.ts'

test('what has come furthest goes first, and among equals who came first', async () => {
  const served: string[] = []
  const turns = (['unpack', 'store', 'parse', 'store'] as const).map(async (step, index) => {
    await ownTurn(step)
    served.push(`${step} ${index}`)
    if (index === 1) turns.push(ownTurn('store').then(() => void served.push('store again')))
  })
  await Promise.all(turns)
  await Promise.all(turns)
  assert.deepEqual(served, ['store 1', 'store 3', 'store again', 'parse 2', 'unpack 0'])
})

test('whatever else is due comes between two turns', async () => {
  const served: string[] = []
  const turn = () => ownTurn('store').then(() => served.push('turn'))
  const other = async () => {
    await setImmediate()
    served.push('other')
    await setImmediate()
    served.push('other')
  }
  await Promise.all([turn(), other(), turn()])
  assert.deepEqual(served, ['turn', 'other', 'turn', 'other'])
})
