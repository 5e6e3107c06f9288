import type { Insertable, Kysely, RawBuilder, Selectable, SqlBool, Transaction } from 'kysely'
import type { MailboxKey } from '../../copying/message-store.ts'
import type { EmailContentsTable, EmailsTable, Schema } from '../schema.ts'

export type EmailRow = Omit<Insertable<EmailsTable>, 'row'>

/** What a message that was stored anew expects of its contents. */
export type ExpectedContentsRow = Omit<EmailContentsTable, 'mime_sha256' | 'mime_size' | 'mime_error'>

export type DialectName = 'sqlite' | 'postgres'

/** All in which the databases differ, beyond what Kysely already evens out. */
export interface Dialect {
  readonly name: DialectName
  /** A flag that is set, as a literal: only so do the partial indexes over flags serve a query. */
  readonly yes: RawBuilder<number>
  /** Stands for a time that is not there, before all those that are. */
  readonly noTime: string
  /** At the end of a subquery that picks one row to change: passes over rows that somebody else is changing. */
  readonly skipLocked: RawBuilder<unknown>
  /** Whether the column is one of these texts, in one parameter however many they are. */
  oneOf(column: string, values: readonly string[]): RawBuilder<SqlBool>
  /** A list of texts as a subquery with the column `value`. */
  textList(values: readonly string[]): RawBuilder<string>
  /** Pairs of texts as a subquery with the columns `one` and `other`. */
  textPairs(values: readonly (readonly [string, string])[]): RawBuilder<unknown>
  /** The rows of `emails` with these ids, as a subquery: each is found by its key, whatever the database knows of the table. */
  emailsOf(mailbox: MailboxKey, ids: readonly string[]): RawBuilder<Selectable<EmailsTable>>
  /** Adds rows that were not there a moment ago. Where another transaction was faster, this one is run again: see `transact`. */
  insertEmails(trx: Transaction<Schema>, rows: readonly EmailRow[]): Promise<void>
  /**
   * Adds the rows, and where a mailbox already has the id puts the new content in its place. What another transaction
   * stored since this one looked is left as it is where it is the same version, or came to another folder after
   * `askedAt`. Answers the ids of the rows that were written.
   */
  upsertEmails(trx: Transaction<Schema>, rows: readonly EmailRow[], askedAt: string): Promise<ReadonlySet<string>>
  /** The same for what is to be fetched of them; a MIME that is known stays until there is a new one. */
  expectContents(trx: Transaction<Schema>, rows: readonly ExpectedContentsRow[]): Promise<void>
}

/** An open database: who holds it closes it. */
export interface Database extends AsyncDisposable {
  readonly db: Kysely<Schema>
  readonly dialect: Dialect
  /**
   * Runs a transaction. Where another process was first (its row is there, or both waited for each other), the work is
   * run again from its beginning, in a new transaction that sees what the other one wrote: do in it nothing that may
   * not be done twice.
   */
  transact<Result>(work: (trx: Transaction<Schema>) => Promise<Result>): Promise<Result>
}

/** What becomes of a column where the row is there already. Both databases take this SQL. */
export function updateOf(column: string): string {
  if (column !== 'in_folder_since') return `${column} = excluded.${column}`
  // Only when the folder changes, and not with every edit.
  return `in_folder_since = case when emails.parent_folder_id = excluded.parent_folder_id
    then emails.in_folder_since else excluded.in_folder_since end`
}
