import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, renameSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'node:test'
import { CompiledQuery } from 'kysely'
import { TempFolder } from '../../../test/support/service.ts'
import { until } from '../../../test/support/wait.ts'
import { systemClock } from '../../clock.ts'
import { AppError } from '../../errors.ts'
import { concurrencyContract } from '../concurrency.contract.ts'
import { migrateToLatest } from '../migrate.ts'
import { SecretBox } from '../secret-box.ts'
import { storageContract } from '../storage.contract.ts'
import { openStores } from '../stores.ts'
import { aMessage, beginCopy, type OpenStores } from '../testing/fixtures.ts'
import { openSqlite } from './sqlite.ts'

async function openInMemory(): Promise<OpenStores> {
  const database = openSqlite(':memory:')
  await migrateToLatest(database)
  const stores = openStores(database, new SecretBox(randomBytes(32)), systemClock)
  return {
    ...stores,
    query: async (text) => (await database.db.executeQuery(CompiledQuery.raw(text))).rows,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

storageContract(openInMemory)
// One process owns the file: what comes at once comes through one connection.
concurrencyContract(async () => {
  const one = await openInMemory()
  return { one, other: one, [Symbol.asyncDispose]: () => one[Symbol.asyncDispose]() }
})

test('a database file that is taken away while it is in use is noticed before anything is written to it', async () => {
  using folder = new TempFolder()
  const { database: path } = folder
  await using database = openSqlite(path)
  await migrateToLatest(database)
  const write = () => database.db.transaction().execute((trx) => trx.selectFrom('batches').selectAll().execute())
  await write()
  renameSync(path, `${path}.away`)
  await assert.rejects(write(), (error) => error instanceof AppError && error.code === 'database_unavailable')
  renameSync(`${path}.away`, path)
  await write()
})

test('what is written reaches the file while much is written, and the log is gone in the end', async () => {
  using folder = new TempFolder()
  const { database: path } = folder
  {
    await using database = openSqlite(path)
    await migrateToLatest(database)
    const stores = openStores(database, new SecretBox(randomBytes(32)), systemClock)
    const { save } = await beginCopy(stores)
    const body = 'x'.repeat(100_000)
    let written = 0
    await until('the file to grow', async () => {
      await save({ messages: [aMessage(`m${written}`, { body })] })
      written += body.length
      assert.ok(written < 40_000_000, 'long before the writer itself would copy the log')
      return statSync(path).size > 2_000_000 || undefined
    })
  }
  assert.deepEqual(readdirSync(folder.path), [basename(path)])
})
