import SqliteHandle from 'better-sqlite3'
import type { WireMessage } from '../src/graph/wire.ts'
import { openSqlite } from '../src/storage/dialects/sqlite.ts'
import { migrateToLatest } from '../src/storage/migrate.ts'
import { COLUMNS, valuesOf } from './floor-rows.ts'
import { type WalkTask, walk } from './floor-walk.ts'

// The least program that does the job, as a good engineer would write it who needs nothing else: page after page into
// SQLite. What it does and does not do, and why: README.md beside this.

export interface FloorTask extends WalkTask {
  folderId: string
  databasePath: string
  /** Without the index by time, which serves reading. */
  bare: boolean
}

const FLAGS = { yes: 1, no: 0 }

const task = JSON.parse(process.argv[2] ?? '') as FloorTask
const database = await openDatabase(task)
const result = await copy(task, database)
database.close()
process.stdout.write(`${JSON.stringify(result)}\n`)

/** The product's own schema and pragmas, and the mailbox that the rows belong to. */
async function openDatabase({ databasePath, bare }: FloorTask): Promise<SqliteHandle.Database> {
  {
    await using product = openSqlite(databasePath)
    await migrateToLatest(product)
  }
  const opened = new SqliteHandle(databasePath)
  opened.pragma('journal_mode = WAL')
  opened.pragma('synchronous = NORMAL')
  opened.pragma('foreign_keys = ON')
  opened.exec(`insert into mailboxes (id, object_id, user_upn, created_at) values (1, 'floor', 'floor', '')`)
  if (bare) opened.exec('drop index emails_newest')
  return opened
}

function copy({ folderId, ...walkTask }: FloorTask, database: SqliteHandle.Database) {
  const insert = database.prepare(
    `insert into emails (${COLUMNS.join(', ')}) values (${COLUMNS.map(() => '?').join(', ')})`,
  )
  const savePage = database.transaction((messages: WireMessage[]) => {
    for (const message of messages) insert.run(valuesOf(message, folderId, FLAGS))
  })
  return walk(walkTask, savePage)
}
