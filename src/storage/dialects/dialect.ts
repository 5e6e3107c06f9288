import type { Insertable, Kysely, RawBuilder, Transaction } from 'kysely'
import type { EmailsTable, Schema } from '../schema.ts'

export type EmailRow = Omit<Insertable<EmailsTable>, 'row'>

/** All in which the databases differ, beyond what Kysely already evens out. */
export interface Dialect {
  /** A list of texts as a subquery, in one parameter however long the list: `where id in ${textList(ids)}`. */
  textList(values: readonly string[]): RawBuilder<string>
  /** Adds the rows, and where a mailbox already has the id puts the new content in its place. */
  upsertEmails(trx: Transaction<Schema>, rows: readonly EmailRow[]): Promise<void>
}

/** An open database: who holds it closes it. */
export interface Database extends AsyncDisposable {
  readonly db: Kysely<Schema>
  readonly dialect: Dialect
}
