import { type Kysely, sql } from 'kysely'
import { type Clock, isoTime } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { Claim, ExtractionError, ExtractionId } from '../extractions/extraction.ts'
import { type ExtractionStatus, nextStatus } from '../extractions/extraction-status.ts'
import type { ClaimedExtraction, ClaimStore } from '../extractions/extraction-store.ts'
import { lockedStatusOf, RUNNING, statusOfClaim } from './claims.ts'
import { loadSealed, openSealed } from './credentials.ts'
import type { Database, Dialect } from './dialects/dialect.ts'
import { columnsOnEntering, toOptions } from './extraction-rows.ts'
import type { Schema } from './schema.ts'
import type { SecretBox } from './secret-box.ts'

/** So many workers lost in a row, without one page saved between, say that the extraction itself kills them. */
const MAX_CRASHES = 10

export class SqlClaimStore implements ClaimStore {
  readonly #db: Kysely<Schema>
  readonly #transact: Database['transact']
  readonly #dialect: Dialect
  readonly #box: SecretBox
  readonly #clock: Clock

  constructor(database: Database, box: SecretBox, clock: Clock) {
    this.#db = database.db
    this.#transact = database.transact
    this.#dialect = database.dialect
    this.#box = box
    this.#clock = clock
  }

  async claimNext(): Promise<ClaimedExtraction | undefined> {
    for (;;) {
      const taken = await this.#takeNext()
      if (!taken) return undefined

      const { row, sealed } = taken
      const claim: Claim = { extractionId: row.id as ExtractionId, epoch: row.epoch }
      try {
        const credentials = openSealed(this.#box, sealed)
        return { claim, userUpn: row.user_upn, options: toOptions(row.options), credentials }
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        await this.settle(claim, 'fail', { code: error.code, message: error.message })
      }
    }
  }

  /** With all that a worker needs: a claim that nobody hears of would wait for somebody to notice. */
  #takeNext() {
    return this.#transact(async (trx) => {
      const row = await trx
        .updateTable('extractions')
        .set({
          status: 'in_progress' satisfies ExtractionStatus,
          epoch: sql`epoch + 1`,
          started_at: sql`coalesce(started_at, ${isoTime(this.#clock.now())})`,
        })
        .where('seq', '=', (eb) =>
          eb
            .selectFrom('extractions as next')
            .select('next.seq')
            .where('next.status', '=', sql.lit('queued'))
            .where('next.mailbox_key', 'not in', (busy) =>
              busy.selectFrom('extractions as busy').select('busy.mailbox_key').where('busy.status', 'in', RUNNING),
            )
            .orderBy('next.fair_tag')
            .orderBy('next.seq')
            .limit(1)
            .modifyEnd(this.#dialect.skipLocked),
        )
        .returningAll()
        .executeTakeFirst()
      return row && { row, sealed: await loadSealed(trx, row.credentials_id) }
    })
  }

  statusOf(claim: Claim): Promise<ExtractionStatus | undefined> {
    return statusOfClaim(this.#db, claim)
  }

  settle(
    claim: Claim,
    event: 'stop' | 'complete' | 'fail' | 'lose',
    error?: ExtractionError,
  ): Promise<ExtractionStatus | undefined> {
    return this.#transact(async (trx) => {
      const from = await lockedStatusOf(trx, claim)
      if (!from) return undefined
      // A worker told to pause or cancel may find the wish withdrawn when it has stopped: it then gives the work back.
      const to = nextStatus(from, event) ?? nextStatus(from, 'lose')
      if (!to) return undefined
      await trx
        .updateTable('extractions')
        .set(columnsOnEntering(to, isoTime(this.#clock.now()), error))
        .where('id', '=', claim.extractionId)
        .where('epoch', '=', claim.epoch)
        .where('status', '=', from)
        .execute()
      return to
    })
  }

  recoverLost(): Promise<{ recovered: number }> {
    return this.#transact(async (trx) => {
      const lost = await trx
        .updateTable('extractions')
        .set({ crashes: sql`crashes + 1` })
        .where('status', 'in', RUNNING)
        .returning(['id', 'status', 'crashes'])
        .execute()
      for (const row of lost) {
        const status = row.status as ExtractionStatus
        const event = row.crashes >= MAX_CRASHES && status === 'in_progress' ? 'fail' : 'lose'
        const to = nextStatus(status, event)
        if (!to) continue
        await trx
          .updateTable('extractions')
          .set(columnsOnEntering(to, isoTime(this.#clock.now()), WORKER_LOST))
          .where('id', '=', row.id)
          .execute()
      }
      return { recovered: lost.length }
    })
  }
}

const WORKER_LOST: ExtractionError = {
  code: 'worker_lost',
  message: `The process ended ${MAX_CRASHES} times without saving a page of this mailbox: look for the cause (memory, a supervisor that kills it), then continue`,
}
