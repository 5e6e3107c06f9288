import { CompiledQuery, Kysely, PostgresDialect, type PostgresPoolClient, sql } from 'kysely'
import { Pool, type PoolClient } from 'pg'
import { AppError } from '../../errors.ts'
import type { Schema } from '../schema.ts'
import { type Database, type Dialect, type EmailRow, type ExpectedContentsRow, updateOf } from './dialect.ts'
import { isRace, isUnanswered, translated } from './postgres-errors.ts'
import { ROW_TYPES, storableParameter } from './postgres-values.ts'
import { textArray } from './text-array.ts'

/** How often a transaction is run that others were faster than; each time one of them got something done. */
const MAX_RUNS = 20

/** Where nobody says how many. */
const CONNECTIONS = 10

/** A process that was stopped in the middle of a transaction must not hold its rows for long. */
const IDLE_IN_TRANSACTION_MS = 10_000
/** Longer than anybody who stands still can hold a row. */
const LOCK_TIMEOUT_MS = 20_000
/** No statement of ours takes long; a batch of 100,000 members is the longest. */
const STATEMENT_TIMEOUT_MS = 120_000
/** Beyond the server's own limit, for an answer that never comes: of a host that vanished no word tells. */
const NO_ANSWER_MS = 15_000
/** Covers the wait for a free connection too. */
const CONNECTION_TIMEOUT_MS = 15_000

/** The oldest that the tests have been run on. */
const OLDEST_VERSION = 15

export interface PostgresOptions {
  /** At most; what needs one more waits for its turn. */
  connections?: number
  /** 0 for no limit. */
  statementTimeoutMs?: number
  idleInTransactionMs?: number
  /** How long beyond the statement's own limit an answer may be on its way. */
  noAnswerMs?: number
  /** What the server calls our sessions. */
  applicationName?: string
}

/** What the texts of a page become; a column that is forgotten here does not compile. */
const EMAIL_TYPES: Record<keyof EmailRow, string> = {
  mailbox_id: 'bigint',
  id: 'text',
  parent_folder_id: 'text',
  change_key: 'text',
  message_type: 'text',
  subject: 'text',
  received_date_time: 'timestamptz',
  sent_date_time: 'timestamptz',
  created_date_time: 'timestamptz',
  last_modified_date_time: 'timestamptz',
  is_read: 'boolean',
  is_draft: 'boolean',
  has_attachments: 'boolean',
  importance: 'text',
  conversation_id: 'text',
  internet_message_id: 'text',
  categories: 'jsonb',
  flag: 'jsonb',
  inference_classification: 'text',
  removed_at: 'timestamptz',
  in_folder_since: 'timestamptz',
  body_type: 'text',
  body_kept: 'text',
  web_link: 'text',
  body_preview: 'text',
  recipients: 'jsonb',
  internet_message_headers: 'jsonb',
  body: 'text',
  body_text: 'text',
}

const CONTENTS_TYPES: Record<keyof ExpectedContentsRow, string> = {
  mailbox_id: 'bigint',
  email_id: 'text',
  attachments: 'text',
  attachments_pending: 'text',
  mime: 'text',
  mime_pending: 'boolean',
  pending: 'boolean',
}

/**
 * Some hundreds of kilobytes of mail. What a statement holds several times over, here and in the server, is then memory that
 * is used again; of megabytes each statement's are given back to the system, and had anew in pages of 4 kB.
 */
const ROWS_A_STATEMENT = 50

const EMAIL_COLUMNS = Object.keys(EMAIL_TYPES) as (keyof EmailRow)[]
const CONTENTS_COLUMNS = Object.keys(CONTENTS_TYPES) as (keyof ExpectedContentsRow)[]

const INSERT_EMAILS = insert('emails', EMAIL_TYPES)
/** The parameter after those of the columns is the time at which the page was asked for. */
const UPSERT_EMAILS = `${upsert('emails', EMAIL_TYPES, ['mailbox_id', 'id'])}
  where (emails.removed_at is not null or emails.parent_folder_id = excluded.parent_folder_id
      or emails.in_folder_since is null or emails.in_folder_since < $${EMAIL_COLUMNS.length + 1}::timestamptz)
    and (emails.removed_at is not null or emails.parent_folder_id <> excluded.parent_folder_id
      or emails.body_kept <> excluded.body_kept
      or excluded.change_key is null or emails.change_key is distinct from excluded.change_key)
  returning id`
const UPSERT_CONTENTS = upsert('email_contents', CONTENTS_TYPES, ['mailbox_id', 'email_id'])

/** Parsed once a connection, and soon planned once: a plan for these very rows has them in it, and copies them several times. */
const PREPARED = new Map([
  [INSERT_EMAILS, 'insert_emails'],
  [UPSERT_EMAILS, 'upsert_emails'],
  [UPSERT_CONTENTS, 'upsert_contents'],
])

/**
 * One statement for many rows, with an array a column: however many they are, the text of the statement stays the same.
 * NOTE: by `unnest` in the list of columns. In `from` it would write the rows down first, to disk above `work_mem`.
 */
function insert(table: string, types: Record<string, string>): string {
  const columns = Object.keys(types)
  const values = columns.map((column, index) => `unnest($${index + 1}::text[])::${types[column]}`)
  return `insert into ${table} (${columns.join(', ')})
    select ${values.join(', ')}`
}

function upsert<Column extends string>(table: string, types: Record<Column, string>, key: readonly Column[]): string {
  const updates = Object.keys(types)
    .filter((column) => !(key as readonly string[]).includes(column))
    .map(updateOf)
  return `${insert(table, types)}
    on conflict (${key.join(', ')}) do update set ${updates.join(', ')}`
}

function* parts(rows: readonly EmailRow[]): Generator<readonly EmailRow[]> {
  for (let begin = 0; begin < rows.length; begin += ROWS_A_STATEMENT) yield rows.slice(begin, begin + ROWS_A_STATEMENT)
}

/** An array a column, in the order of the statement. */
function arraysOf<Column extends string>(
  columns: readonly Column[],
  rows: readonly Partial<Record<Column, unknown>>[],
) {
  return columns.map((column) => textArray(rows.map((row) => row[column])))
}

const DIALECT: Dialect = {
  name: 'postgres',
  yes: sql`true`,
  noTime: '-infinity',
  skipLocked: sql`for update skip locked`,
  // Not by a subquery: while the table has no statistics, it would be joined to all mail of the mailbox.
  oneOf: (column, values) => sql`${sql.ref(column)} = any(${textArray(values)}::text[])`,
  textList: (values) => sql`(select value from unnest(${textArray(values)}::text[]) as list (value))`,
  textPairs(values) {
    const [ones, others] = [values.map(([one]) => one), values.map(([, other]) => other)].map(textArray)
    return sql`(select * from unnest(${ones}::text[], ${others}::text[]) as list (one, other))`
  },
  // `offset 0` keeps it one look into the index an id. While the table has no statistics, Postgres would read all mail of the
  // mailbox instead, for each page: it takes that for a few rows.
  emailsOf: (mailbox, ids) =>
    sql`(select held.* from unnest(${textArray(ids)}::text[]) as told (id)
      cross join lateral (select * from emails where mailbox_id = ${mailbox} and emails.id = told.id offset 0) as held)`,
  async insertEmails(trx, rows) {
    for (const part of parts(rows)) {
      await trx.executeQuery(CompiledQuery.raw(INSERT_EMAILS, arraysOf(EMAIL_COLUMNS, part)))
    }
  },
  async upsertEmails(trx, rows, askedAt) {
    const written = new Set<string>()
    for (const part of parts(rows)) {
      const query = CompiledQuery.raw(UPSERT_EMAILS, [...arraysOf(EMAIL_COLUMNS, part), askedAt])
      for (const { id } of (await trx.executeQuery<{ id: string }>(query)).rows) written.add(id)
    }
    return written
  },
  async expectContents(trx, rows) {
    if (rows.length === 0) return
    await trx.executeQuery(CompiledQuery.raw(UPSERT_CONTENTS, arraysOf(CONTENTS_COLUMNS, rows)))
  },
}

/** Opens a pool of connections, none of which is made before it is needed. Any number of processes may do so at once. */
export function openPostgres(url: string, options: PostgresOptions = {}): Database {
  const pool = new TranslatingPool(url, options)
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) })
  return {
    db,
    dialect: DIALECT,
    transact: (work) => againAfterRaces(() => db.transaction().execute(work)),
    [Symbol.asyncDispose]: () => db.destroy(),
  }
}

/** Refuses a database that would keep something else than it is given, or that nobody has tried us on. */
export async function checkServer({ db }: Database): Promise<void> {
  const { rows } = await sql<{ version: string; number: number; encoding: string }>`
    select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
      current_setting('server_encoding') as encoding`.execute(db)
  const problem = rows[0] && problemOf(rows[0])
  if (problem) throw new AppError('database_unavailable', `The database that DATABASE_URL names ${problem}`)
}

export function problemOf({ version, number, encoding }: { version: string; number: number; encoding: string }) {
  if (number < OLDEST_VERSION * 10_000) {
    return `is on Postgres ${version}: it has to be ${OLDEST_VERSION} or newer`
  }
  if (encoding !== 'UTF8') {
    return `has the encoding ${encoding}: make one with UTF8 (create database NAME encoding 'UTF8' template template0)`
  }
  return undefined
}

async function againAfterRaces<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let runs = 1; ; runs++) {
    try {
      return await run()
    } catch (error) {
      if (runs === MAX_RUNS || !isRace(error)) throw error
    }
  }
}

/** What Kysely needs of a pool, with values that Postgres takes and its errors in our words. */
class TranslatingPool {
  readonly options = {} // of a connection beside the pool, which Kysely makes to abort statements; we abort none
  readonly #pool: Pool

  constructor(url: string, options: PostgresOptions) {
    const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS
    this.#pool = new Pool({
      connectionString: withSessionSettings(url),
      max: options.connections ?? CONNECTIONS,
      connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      application_name: options.applicationName ?? 'outlookmail',
      statement_timeout: statementTimeoutMs,
      ...(statementTimeoutMs > 0 && { query_timeout: statementTimeoutMs + (options.noAnswerMs ?? NO_ANSWER_MS) }),
      lock_timeout: LOCK_TIMEOUT_MS,
      idle_in_transaction_session_timeout: options.idleInTransactionMs ?? IDLE_IN_TRANSACTION_MS,
      types: ROW_TYPES,
    })
    // A connection that is cut says so at its next statement, or is replaced; without a listener it would end the process.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => client.on('error', () => {}))
  }

  async connect(): Promise<PostgresPoolClient> {
    try {
      return translatingClient(await this.#pool.connect())
    } catch (error) {
      throw translated(error)
    }
  }

  end(): Promise<void> {
    return this.#pool.end()
  }
}

function translatingClient(client: PoolClient): PostgresPoolClient {
  let isLost = false
  const query = async (text: string, parameters: readonly unknown[]) => {
    try {
      const name = PREPARED.get(text)
      return await client.query({ ...(name && { name }), text, values: parameters.map(storableParameter) })
    } catch (error) {
      isLost ||= isUnanswered(error)
      throw translated(error)
    }
  }
  return {
    query: query as unknown as PostgresPoolClient['query'], // its other form takes cursors, which we do not use
    // One that still waits for an answer would let the next statement wait behind it.
    release: (destroy) => client.release(destroy || isLost),
  }
}

/** What every session has to have for our statements to mean what we think, whatever the server's own settings. */
const SESSION = [
  '-c TimeZone=UTC',
  '-c DateStyle=ISO,YMD',
  '-c IntervalStyle=postgres',
  '-c standard_conforming_strings=on',
  String.raw`-c default_transaction_isolation=read\ committed`,
].join(' ')

function withSessionSettings(url: string): string {
  const settings = new URL(url)
  const given = settings.searchParams.get('options')
  settings.searchParams.set('options', given ? `${given} ${SESSION}` : SESSION)
  return settings.href
}
