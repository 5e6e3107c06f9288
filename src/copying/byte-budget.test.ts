import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteBudget, type Share } from './byte-budget.ts'

const NEVER = new AbortController().signal

test('whatever is taken, weighed and given back, no more than allowed is out, but for one that is too heavy by itself', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 2 })), { maxLength: 30 }),
      async (most, takes) => {
        const budget = new ByteBudget(most)
        const out = new Map<number, { bytes: number; share: Share }>()
        const served: number[] = []
        const all = takes.map(async ([bytes], number) => {
          const share = await budget.take(bytes, NEVER)
          served.push(number)
          out.set(number, { bytes, share })
          const weighing = [...out.values()].filter((one) => one.bytes > 0)
          const sum = weighing.reduce((total, one) => total + one.bytes, 0)
          assert.ok(sum <= most || weighing.length === 1, `${sum} of ${most} in ${weighing.length}`)
        })
        for (let turns = 0; out.size > 0 || turns === 0 || served.length < takes.length; turns++) {
          await new Promise((resolve) => setImmediate(resolve))
          const [number, first] = [...out][0] ?? []
          if (number === undefined || !first) continue
          const [, change = 0] = takes[number] ?? []
          if (change > 0) first.share.weigh(first.bytes / 2 ** change)
          first.share.giveBack()
          first.share.giveBack() // twice is once
          out.delete(number)
        }
        await Promise.all(all)
        assert.deepEqual(
          served,
          [...served].sort((one, other) => one - other),
        )
      },
    ),
  )
})

test('what turns out lighter lets the next one go', async () => {
  const budget = new ByteBudget(10)
  const heavy = await budget.take(10, NEVER)
  const next = budget.take(6, NEVER)
  heavy.weigh(4)
  const share = await next
  share.giveBack()
  heavy.giveBack()
})

test('who stops waiting holds nobody up', async () => {
  const budget = new ByteBudget(10)
  const first = await budget.take(6, NEVER)
  const stop = new AbortController()
  const left = budget.take(10, stop.signal)
  const behind = budget.take(4, NEVER)
  stop.abort(new Error('stopped'))
  await assert.rejects(left, /stopped/)
  ;(await behind).giveBack()
  first.giveBack()
  await assert.rejects(budget.take(1, stop.signal), /stopped/)
})
