import type { Clock } from '../clock.ts'
import type { Database } from './dialects/dialect.ts'
import type { SecretBox } from './secret-box.ts'
import { SqlClaimStore } from './sql-claim-store.ts'
import { SqlContentStore } from './sql-content-store.ts'
import { SqlEmailReader } from './sql-email-reader.ts'
import { SqlErasureStore } from './sql-erasure-store.ts'
import { SqlExtractionStore } from './sql-extraction-store.ts'
import { SqlListingStore } from './sql-listing-store.ts'
import { SqlMessageStore } from './sql-message-store.ts'
import { SqlQueueStore } from './sql-queue-store.ts'
import { SqlReportReader } from './sql-report-reader.ts'
import { NO_TICKETS, type Tickets } from './tickets.ts'

/** Every port that storage serves, over one open database. */
export interface Stores {
  extractions: SqlExtractionStore
  claims: SqlClaimStore
  queue: SqlQueueStore
  listings: SqlListingStore
  messages: SqlMessageStore
  contents: SqlContentStore
  emails: SqlEmailReader
  reports: SqlReportReader
  erasures: SqlErasureStore
}

export function openStores(database: Database, box: SecretBox, clock: Clock, tickets: Tickets = NO_TICKETS): Stores {
  return {
    extractions: new SqlExtractionStore(database, box, clock, tickets),
    claims: new SqlClaimStore(database, box, clock),
    queue: new SqlQueueStore(database),
    listings: new SqlListingStore(database, box, clock, tickets),
    messages: new SqlMessageStore(database, clock),
    contents: new SqlContentStore(database, clock),
    emails: new SqlEmailReader(database),
    reports: new SqlReportReader(database),
    erasures: new SqlErasureStore(database),
  }
}
