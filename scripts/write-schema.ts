import { writeFileSync } from 'node:fs'
import { openDatabase } from '../src/storage/open-database.ts'
import { describeSchema, toSql } from '../src/storage/testing/describe-schema.ts'
import { TempPostgres } from '../test/support/postgres.ts'

/** What the migrations of both databases add up to, for people who read; a test compares. */
await using server = await TempPostgres.create()
for (const location of [
  { kind: 'sqlite', path: ':memory:' },
  { kind: 'postgres', url: server.url },
] as const) {
  await using database = await openDatabase(location)
  const file = new URL(`../src/storage/schema.${location.kind}.sql`, import.meta.url)
  writeFileSync(file, toSql(await describeSchema(database)))
}
