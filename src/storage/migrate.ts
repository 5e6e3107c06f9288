import type { Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { AppError } from '../errors.ts'
import { extractions } from './migrations/0001-extractions.ts'
import { mail } from './migrations/0002-mail.ts'
import { unlistedMessages } from './migrations/0003-unlisted-messages.ts'
import { contents } from './migrations/0004-contents.ts'

/** In order of their names; added to, never edited. */
const MIGRATIONS: Record<string, Migration> = {
  '0001-extractions': extractions,
  '0002-mail': mail,
  '0003-unlisted-messages': unlistedMessages,
  '0004-contents': contents,
}

/** Brings the database to the newest schema; does nothing where it already has it. */
export async function migrateToLatest<Schema>(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  const { error } = await migrator.migrateToLatest()
  if (error instanceof AppError) throw error
  if (error) {
    throw new AppError(
      'database_unavailable',
      'DATABASE_URL names a database of another program, or of a newer version of this one',
      { cause: error },
    )
  }
}
