import type { Insertable, Kysely, RawBuilder, Transaction } from 'kysely'
import type { EmailContentsTable, EmailsTable, Schema } from '../schema.ts'

export type EmailRow = Omit<Insertable<EmailsTable>, 'row'>

/** What a message that was stored anew expects of its contents. */
export type ExpectedContentsRow = Omit<EmailContentsTable, 'mime_sha256' | 'mime_size' | 'mime_error'>

/** All in which the databases differ, beyond what Kysely already evens out. */
export interface Dialect {
  /** A list of texts as a subquery, in one parameter however long the list: `where id in ${textList(ids)}`. */
  textList(values: readonly string[]): RawBuilder<string>
  /** Adds the rows, and where a mailbox already has the id puts the new content in its place. */
  upsertEmails(trx: Transaction<Schema>, rows: readonly EmailRow[]): Promise<void>
  /** The same for what is to be fetched of them; a MIME that is known stays until there is a new one. */
  expectContents(trx: Transaction<Schema>, rows: readonly ExpectedContentsRow[]): Promise<void>
}

/** An open database: who holds it closes it. */
export interface Database extends AsyncDisposable {
  readonly db: Kysely<Schema>
  readonly dialect: Dialect
}
