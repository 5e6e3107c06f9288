import { type Migration, Migrator } from 'kysely/migration'
import { AppError } from '../errors.ts'
import type { Database, DialectName } from './dialects/dialect.ts'
import { schema } from './migrations/postgres/0001-schema.ts'
import { ranges as postgresRanges } from './migrations/postgres/0002-ranges.ts'
import { lanesByTime as postgresLanesByTime } from './migrations/postgres/0003-lanes-by-time.ts'
import { timesInFolders as postgresTimesInFolders } from './migrations/postgres/0004-times-in-folders.ts'
import { walksOfFolders as postgresWalksOfFolders } from './migrations/postgres/0005-walks-of-folders.ts'
import { extractions } from './migrations/sqlite/0001-extractions.ts'
import { mail } from './migrations/sqlite/0002-mail.ts'
import { unlistedMessages } from './migrations/sqlite/0003-unlisted-messages.ts'
import { contents } from './migrations/sqlite/0004-contents.ts'
import { addressKeys } from './migrations/sqlite/0005-address-keys.ts'
import { ranges as sqliteRanges } from './migrations/sqlite/0006-ranges.ts'
import { lanesByTime as sqliteLanesByTime } from './migrations/sqlite/0007-lanes-by-time.ts'
import { timesInFolders as sqliteTimesInFolders } from './migrations/sqlite/0008-times-in-folders.ts'
import { walksOfFolders as sqliteWalksOfFolders } from './migrations/sqlite/0009-walks-of-folders.ts'
import { notesInTheirKey } from './migrations/sqlite/0010-notes-in-their-key.ts'

/** In order of their names; added to, never edited. A change of the tables adds one to each. */
const MIGRATIONS: Record<DialectName, Record<string, Migration>> = {
  sqlite: {
    '0001-extractions': extractions,
    '0002-mail': mail,
    '0003-unlisted-messages': unlistedMessages,
    '0004-contents': contents,
    '0005-address-keys': addressKeys,
    '0006-ranges': sqliteRanges,
    '0007-lanes-by-time': sqliteLanesByTime,
    '0008-times-in-folders': sqliteTimesInFolders,
    '0009-walks-of-folders': sqliteWalksOfFolders,
    '0010-notes-in-their-key': notesInTheirKey,
  },
  postgres: {
    '0001-schema': schema,
    '0002-ranges': postgresRanges,
    '0003-lanes-by-time': postgresLanesByTime,
    '0004-times-in-folders': postgresTimesInFolders,
    '0005-walks-of-folders': postgresWalksOfFolders,
  },
}

/**
 * Brings the database to the newest schema; does nothing where it already has it. All of it is one transaction, and
 * whoever comes meanwhile waits for its end.
 */
export async function migrateToLatest({ db, dialect }: Database): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS[dialect.name] } })
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
