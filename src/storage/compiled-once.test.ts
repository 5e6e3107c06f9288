import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { compiledOnce } from './compiled-once.ts'
import { openSqlite } from './dialects/sqlite.ts'

test('a query is built once for each database and its transactions, and run with the values of each time', async () => {
  let builds = 0
  const pair = compiledOnce((db, { one, other }: { one: string; other: number | null }) => {
    builds++
    return db.selectNoFrom([sql<string>`${one}`.as('one'), sql<number | null>`${other}`.as('other')])
  })
  await using first = openSqlite(':memory:')
  await using second = openSqlite(':memory:')
  assert.deepEqual((await pair(first.db, { one: 'a', other: 1 })).rows, [{ one: 'a', other: 1 }])
  const inTransaction = await first.transact((trx) => pair(trx, { one: 'b', other: null }))
  assert.deepEqual(inTransaction.rows, [{ one: 'b', other: null }])
  assert.equal(builds, 1)
  assert.deepEqual((await pair(second.db, { one: 'c', other: 3 })).rows, [{ one: 'c', other: 3 }])
  assert.equal(builds, 2)
})
