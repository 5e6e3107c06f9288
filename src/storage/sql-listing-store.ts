import type { Kysely } from 'kysely'
import { type Clock, isoTime } from '../clock.ts'
import { AppError } from '../errors.ts'
import { foldAddress } from '../extractions/addresses.ts'
import type { BatchSource, BatchWish } from '../extractions/batch.ts'
import type { BatchId, ExtractionError } from '../extractions/extraction.ts'
import type { ExtractionStatus } from '../extractions/extraction-status.ts'
import type { ListingStore, PendingListing } from '../extractions/extraction-store.ts'
import { loadSealed, openSealed } from './credentials.ts'
import type { Database, Dialect } from './dialects/dialect.ts'
import { insertMembers } from './members.ts'
import type { Schema } from './schema.ts'
import type { SecretBox } from './secret-box.ts'
import type { Tickets } from './tickets.ts'

/** What members are created as, so that they follow what was asked of their batch. */
const STATUS_UNDER_WISH: Record<BatchWish, ExtractionStatus> = { run: 'queued', pause: 'paused', cancel: 'cancelled' }

export class SqlListingStore implements ListingStore {
  readonly #db: Kysely<Schema>
  readonly #transact: Database['transact']
  readonly #dialect: Dialect
  readonly #box: SecretBox
  readonly #clock: Clock
  readonly #tickets: Tickets

  constructor(database: Database, box: SecretBox, clock: Clock, tickets: Tickets) {
    this.#db = database.db
    this.#transact = database.transact
    this.#dialect = database.dialect
    this.#box = box
    this.#clock = clock
    this.#tickets = tickets
  }

  async nextListing(): Promise<PendingListing | undefined> {
    for (;;) {
      const batch = await this.#db
        .selectFrom('batches')
        .selectAll()
        .where('listed', '=', 0)
        .where('wish', '=', 'run' satisfies BatchWish)
        .orderBy('seq')
        .limit(1)
        .executeTakeFirst()
      const source = batch && (JSON.parse(batch.source) as BatchSource)
      if (!batch || !source || source.kind === 'users') return undefined

      const batchId = batch.id as BatchId
      const sealed = await loadSealed(this.#db, batch.credentials_id)
      try {
        const credentials = openSealed(this.#box, sealed)
        return { batchId, source, link: batch.listing_link, credentials }
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        await this.failListing(batchId, batch.listing_link, { code: error.code, message: error.message })
      }
    }
  }

  async saveListing(
    batchId: BatchId,
    { from, userUpns, next }: { from: string | null; userUpns: readonly string[]; next: string | null },
  ): Promise<void> {
    await this.#transact(async (trx) => {
      const batch = await trx
        .updateTable('batches')
        .set({ listing_link: next, listed: next === null ? 1 : 0 })
        .where('id', '=', batchId)
        .where('listed', '=', 0)
        .where('listing_link', from === null ? 'is' : '=', from)
        .returning(['exclude', 'wish', 'credentials_id', 'options'])
        .executeTakeFirst()
      if (!batch) return

      const leaveOut = new Set(JSON.parse(batch.exclude) as string[])
      const held = await trx
        .selectFrom('extractions')
        .select('user_upn')
        .where('batch_id', '=', batchId)
        .where(
          this.#dialect.oneOf(
            'connection_id',
            userUpns.map((upn) => `${batchId}:${upn}`),
          ),
        )
        .execute()
      for (const { user_upn } of held) leaveOut.add(foldAddress(user_upn))

      const fresh = userUpns.filter((userUpn) => {
        const folded = foldAddress(userUpn)
        if (leaveOut.has(folded)) return false
        leaveOut.add(folded)
        return true
      })
      await insertMembers(trx, this.#tickets, {
        batchId,
        userUpns: fresh,
        status: STATUS_UNDER_WISH[batch.wish as BatchWish],
        credentials_id: batch.credentials_id,
        options: batch.options,
        now: isoTime(this.#clock.now()),
      })
    })
  }

  async failListing(batchId: BatchId, from: string | null, error: ExtractionError): Promise<void> {
    await this.#db
      .updateTable('batches')
      .set({ listed: 1, error_code: error.code, error_message: error.message })
      .where('id', '=', batchId)
      .where('listed', '=', 0)
      .where('listing_link', from === null ? 'is' : '=', from)
      .execute()
  }
}
