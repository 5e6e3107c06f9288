import { statSync } from 'node:fs'
import SqliteHandle from 'better-sqlite3'
import { Kysely, SqliteDialect, type SqliteStatement, sql } from 'kysely'
import { AppError } from '../../errors.ts'
import { ownTurn } from '../../own-turn.ts'
import { makePrivateFile } from '../private-file.ts'
import type { Schema } from '../schema.ts'
import { Checkpointer } from './checkpointer.ts'
import { type Database, type Dialect, type EmailRow, type ExpectedContentsRow, updateOf } from './dialect.ts'

/** Enough for every statement the code has, so that each is prepared once. */
const MAX_PREPARED = 200

/**
 * The write-ahead log is copied to the file by a thread of its own, which lags behind while much is written: from this length
 * on (256 MB) the writer copies what is left, so that the log can begin anew. Nobody is answered meanwhile, so it is seldom.
 */
const MOST_LOG_PAGES = 65_536

const EMAIL_COLUMNS = [
  'mailbox_id',
  'id',
  'parent_folder_id',
  'change_key',
  'message_type',
  'subject',
  'received_date_time',
  'sent_date_time',
  'created_date_time',
  'last_modified_date_time',
  'is_read',
  'is_draft',
  'has_attachments',
  'importance',
  'conversation_id',
  'internet_message_id',
  'categories',
  'flag',
  'inference_classification',
  'removed_at',
  'in_folder_since',
  'body_type',
  'body_kept',
  'web_link',
  'body_preview',
  'recipients',
  'internet_message_headers',
  'body',
  'body_text',
] as const satisfies (keyof EmailRow)[]

const CONTENTS_COLUMNS = [
  'mailbox_id',
  'email_id',
  'attachments',
  'attachments_pending',
  'mime',
  'mime_pending',
  'pending',
] as const satisfies (keyof ExpectedContentsRow)[]

const INSERT_EMAIL = insert('emails', EMAIL_COLUMNS)
const UPSERT_EMAIL = upsert('emails', EMAIL_COLUMNS, ['mailbox_id', 'id'])
const UPSERT_CONTENTS = upsert('email_contents', CONTENTS_COLUMNS, ['mailbox_id', 'email_id'])

function insert(table: string, columns: readonly string[]): string {
  return `insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`
}

function upsert(table: string, columns: readonly string[], key: readonly string[]): string {
  const updates = columns.filter((column) => !key.includes(column)).map(updateOf)
  return `${insert(table, columns)}
  on conflict (${key.join(', ')}) do update set ${updates.join(', ')}`
}

/** Written in some ten milliseconds. */
const ROWS_A_TURN = 100

/** Opens (and where needed makes) the database file. The caller is its only writer: see `lock.ts`. */
export function openSqlite(path: string): Database {
  const handle = translating(() => {
    if (path !== ':memory:') makePrivateFile(path)
    const opened = new SqliteHandle(path)
    // With a write-ahead log, readers never wait for the writer. NORMAL may lose the last pages at a power
    // cut, but page and checkpoint are lost together, so they are simply fetched again.
    opened.pragma('journal_mode = WAL')
    opened.pragma('synchronous = NORMAL')
    opened.pragma('foreign_keys = ON')
    opened.pragma('busy_timeout = 5000')
    opened.pragma(`wal_autocheckpoint = ${MOST_LOG_PAGES}`)
    return opened
  })
  const checkpointer = path === ':memory:' ? undefined : new Checkpointer(path)
  const statements = new StatementCache(handle, path)
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: statements }) })
  let before: Promise<unknown> = Promise.resolve()
  const turn = checkpointer ? () => ownTurn('store') : async () => {} // in memory nobody else is kept waiting
  return {
    db,
    dialect: sqliteDialect(statements, turn),
    transact(work) {
      const transaction = before.then(turn).then(() => db.transaction().execute(work)) // one connection: nobody else can have been first
      before = transaction.then(() => checkpointer?.committed()).catch(() => {})
      return transaction
    },
    async [Symbol.asyncDispose]() {
      await checkpointer?.[Symbol.asyncDispose]()
      await db.destroy()
    },
  }
}

function sqliteDialect(statements: StatementCache, turn: () => Promise<void>): Dialect {
  // One prepared statement run a row: the fastest way in SQLite, where no row costs a round trip.
  // The transaction is the caller's: there is one connection, and it is in that transaction.
  const writeEmails = async (text: string, rows: readonly EmailRow[]) => {
    const write = statements.prepare(text)
    for (const [index, row] of rows.entries()) {
      if (index > 0 && index % ROWS_A_TURN === 0) await turn() // nobody else comes to the connection meanwhile
      write.run(EMAIL_COLUMNS.map((column) => row[column]))
    }
  }
  return {
    name: 'sqlite',
    yes: sql`1`,
    noTime: '',
    skipLocked: sql``,
    oneOf: (column, values) => sql`${sql.ref(column)} in (select value from json_each(${JSON.stringify(values)}))`,
    textList: (values) => sql`(select value from json_each(${JSON.stringify(values)}))`,
    textPairs: (values) =>
      sql`(select value ->> 0 as one, value ->> 1 as other from json_each(${JSON.stringify(values)}))`,
    emailsOf: (mailbox, ids) =>
      sql`(select * from emails where mailbox_id = ${mailbox}
        and id in (select value from json_each(${JSON.stringify(ids)})))`,

    insertEmails: (_trx, rows) => writeEmails(INSERT_EMAIL, rows),

    // No other transaction can have stored anything since this one looked: there is one connection.
    async upsertEmails(_trx, rows) {
      await writeEmails(UPSERT_EMAIL, rows)
      return new Set(rows.map(({ id }) => id))
    },

    async expectContents(_trx, rows) {
      const upsert = statements.prepare(UPSERT_CONTENTS)
      for (const row of rows) upsert.run(CONTENTS_COLUMNS.map((column) => row[column]))
    },
  }
}

const NOTHING_DONE = { changes: 0, lastInsertRowid: 0 }

/** What Kysely needs of a database, with statements prepared once and SQLite's errors in our words. */
class StatementCache {
  readonly #handle: SqliteHandle.Database
  readonly #prepared = new Map<string, SqliteStatement>()

  readonly #path: string
  /** Of the file that was opened; undefined in memory. */
  readonly #inode: number | undefined

  constructor(handle: SqliteHandle.Database, path: string) {
    this.#handle = handle
    this.#path = path
    this.#inode = inodeOf(path)
  }

  prepare(text: string): SqliteStatement {
    const known = this.#prepared.get(text)
    if (known) return known

    const statement = translating(() => this.#handle.prepare(text))
    const prepared: SqliteStatement = {
      reader: statement.reader,
      all: (parameters) => translating(() => statement.all(parameters)),
      run: (parameters) => {
        if (this.#isOver(text)) return NOTHING_DONE
        if (text === 'begin') this.#checkFile()
        return translating(() => statement.run(parameters))
      },
      iterate: (parameters) => translating(() => statement.iterate(parameters)),
    }
    if (this.#prepared.size >= MAX_PREPARED) this.#prepared.clear()
    this.#prepared.set(text, prepared)
    return prepared
  }

  /** A full disk makes SQLite roll back by itself; to ask for it once more would fail, and hide why. */
  #isOver(text: string): boolean {
    return text === 'rollback' && !this.#handle.inTransaction
  }

  /** A file that was removed can still be written, and everything written is lost when it is closed. */
  #checkFile(): void {
    if (inodeOf(this.#path) === this.#inode) return
    throw new AppError(
      'database_unavailable',
      'The database file was removed or replaced while it was in use: stop this process, put the file back, start again',
    )
  }

  close(): void {
    this.#handle.close()
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}

function translating<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw translated(error)
  }
}

/** SQLite's result codes (sqlite.org/rescode.html) that say something of the host, not of our SQL. */
function translated(error: unknown): unknown {
  const code = (error as { code?: unknown }).code
  if (typeof code !== 'string') return error
  const options = { cause: error }
  if (code === 'SQLITE_FULL' || code === 'ENOSPC') {
    return new AppError(
      'storage_full',
      'The disk that holds the database is full: free some space, then continue',
      options,
    )
  }
  if (code.startsWith('SQLITE_READONLY') || code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return new AppError(
      'storage_readonly',
      'The database cannot be written: check the rights of its file and folder',
      options,
    )
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new AppError(
      'database_in_use',
      'Another program is writing to the database file: close it, then try again',
      options,
    )
  }
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    return new AppError('database_unavailable', 'DATABASE_URL names a file that is no sound SQLite database', options)
  }
  if (
    code.startsWith('SQLITE_CANTOPEN') ||
    code.startsWith('SQLITE_IOERR') ||
    ['ENOTDIR', 'EISDIR', 'EEXIST', 'ENOENT', 'ELOOP', 'ENAMETOOLONG'].includes(code)
  ) {
    return new AppError(
      'database_unavailable',
      'The database file cannot be opened or read: check DATABASE_URL and the disk',
      options,
    )
  }
  return error
}
