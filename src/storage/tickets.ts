import type { Transaction } from 'kysely'
import type { Waiting } from '../extractions/extraction-store.ts'
import type { Schema } from './schema.ts'

/** Told of all that is to run, in the transaction that writes it down: where a queue hands out turns, row and ticket commit together. */
export interface Tickets {
  /** Harmless for an extraction that has a ticket already. */
  issue(trx: Transaction<Schema>, waiting: readonly Waiting[]): Promise<void>
  /** For the listing of members, whichever batches wait for it. */
  issueListing(trx: Transaction<Schema>): Promise<void>
}

/** One process takes its turns from the rows themselves. */
export const NO_TICKETS: Tickets = {
  issue: async () => {},
  issueListing: async () => {},
}
