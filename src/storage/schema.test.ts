import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { TempPostgres } from '../../test/support/postgres.ts'
import type { DatabaseLocation } from './database-location.ts'
import { openDatabase } from './open-database.ts'
import { type DescribedSchema, describeSchema, type Table, toSql } from './testing/describe-schema.ts'

await using temporary = await TempPostgres.create()
const sqlite = await migrated({ kind: 'sqlite', path: ':memory:' })
const postgres = await migrated({ kind: 'postgres', url: temporary.url })

async function migrated(location: DatabaseLocation): Promise<DescribedSchema> {
  await using database = await openDatabase(location)
  return await describeSchema(database)
}

for (const [kind, schema] of Object.entries({ sqlite, postgres })) {
  test(`schema.${kind}.sql says what the migrations make (npm run schema writes it)`, () => {
    const file = new URL(`schema.${kind}.sql`, import.meta.url)
    assert.equal(readFileSync(file, 'utf8'), toSql(schema))
  })
}

test('both databases have the same tables, with the same columns and keys', () => {
  assert.deepEqual(sqlite.tables.map(inCommon), postgres.tables.map(inCommon))
})

test('both databases have the same indexes and views', () => {
  assert.deepEqual([...sqlite.indexes].map(ofIndex), [...postgres.indexes].map(ofIndex))
  assert.deepEqual([...sqlite.views.keys()], [...postgres.views.keys()])
})

/** What each type of Postgres is in SQLite. */
const SQLITE_TYPES: Record<string, string> = {
  text: 'text',
  jsonb: 'text',
  'timestamp with time zone': 'text',
  bigint: 'integer',
  boolean: 'integer',
}

function inCommon({ name, columns, keys }: Table) {
  return {
    name,
    keys: keys.map((key) => key.replaceAll('"', '')),
    columns: columns.map((column) => {
      const type = column.type.replace(/ (?:collate|generated) .*/, '')
      return { name: column.name, type: SQLITE_TYPES[type] ?? type, notNull: column.notNull }
    }),
  }
}

/** The columns of an index and its condition; how each database writes the same expression is its own affair. */
function ofIndex([name, text]: [string, string]) {
  const columns = new Set(sqlite.tables.flatMap((table) => table.columns.map((column) => column.name)))
  const words = text.slice(text.indexOf('(')).match(/\w+/g) ?? []
  return { name, isUnique: text.startsWith('create unique'), columns: words.filter((word) => columns.has(word)) }
}
