import assert from 'node:assert/strict'
import { test } from 'node:test'
import SqliteHandle from 'better-sqlite3'
import { type CompiledQuery, Kysely, SqliteDialect } from 'kysely'
import { TempFolder } from '../../test/support/service.ts'
import type { ExtractionId } from '../extractions/extraction.ts'
import { openSqlite } from './dialects/sqlite.ts'
import { migrateToLatest } from './migrate.ts'
import type { Schema } from './schema.ts'
import { SqlEmailReader } from './sql-email-reader.ts'

test('a later page begins in the index where the one before ended, so that the last page is found as fast as the first', async () => {
  using folder = new TempFolder()
  await using database = openSqlite(folder.database)
  await migrateToLatest(database)
  const handle = new SqliteHandle(folder.database)
  const asked: CompiledQuery[] = []
  await using db = new Kysely<Schema>({
    dialect: new SqliteDialect({ database: handle }),
    log: ({ query }) => {
      asked.push(query)
    },
  })

  const after = { receivedDateTime: '2026-01-01T00:00:00Z', row: 5 }
  await new SqlEmailReader({ ...database, db }).listEmails('e1' as ExtractionId, { limit: 10, after })
  const [page] = asked
  assert.ok(page)
  const plan = handle
    .prepare<unknown[], { detail: string }>(`explain query plan ${page.sql}`)
    .all(...page.parameters)
    .map(({ detail }) => detail)
  assert.ok(plan.includes('SEARCH emails USING INDEX emails_newest (mailbox_id=? AND <expr><?)'), plan.join('\n'))
  assert.ok(!plan.some((step) => step.includes('ORDER BY')), plan.join('\n'))
})
