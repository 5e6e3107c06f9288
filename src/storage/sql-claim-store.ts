import { type ExpressionBuilder, type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import { type Clock, isoTime } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { Claim, ExtractionError, ExtractionId } from '../extractions/extraction.ts'
import { type ExtractionStatus, nextStatus } from '../extractions/extraction-status.ts'
import type { ClaimedExtraction, ClaimStore, Waiting } from '../extractions/extraction-store.ts'
import { lockedStatusOf, RUNNING } from './claims.ts'
import { loadSealed, openSealed } from './credentials.ts'
import type { Database, Dialect } from './dialects/dialect.ts'
import { columnsOnEntering, toOptions } from './extraction-rows.ts'
import { lose, recoverLost } from './lost-workers.ts'
import type { ExtractionsTable, Schema } from './schema.ts'
import type { SecretBox } from './secret-box.ts'

interface Taken {
  row: Selectable<ExtractionsTable>
  sealed: Awaited<ReturnType<typeof loadSealed>>
}

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
      const claimed = await this.#opened(taken)
      if (claimed) return claimed
    }
  }

  async claim(ticket: Waiting): Promise<ClaimedExtraction | undefined> {
    const taken = await this.#transact((trx) => this.#take(trx, ticket))
    return taken && this.#opened(taken)
  }

  /** Undefined, and the extraction failed, where its credentials cannot be read. */
  async #opened({ row, sealed }: Taken): Promise<ClaimedExtraction | undefined> {
    const claim: Claim = { extractionId: row.id as ExtractionId, epoch: row.epoch }
    try {
      const credentials = openSealed(this.#box, sealed)
      return { claim, userUpn: row.user_upn, options: toOptions(row.options), credentials }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      await this.settle(claim, 'fail', { code: error.code, message: error.message })
      return undefined
    }
  }

  /** Two moves in one transaction: what looks running has lost its worker, and only then its turn comes. */
  async #take(trx: Transaction<Schema>, { extractionId: id, fairTag }: Waiting): Promise<Taken | undefined> {
    const lost = await trx
      .updateTable('extractions')
      .set({ epoch: sql`epoch + 1`, crashes: sql`crashes + 1` })
      .where('id', '=', id)
      .where('status', 'in', RUNNING)
      .returning(['id', 'status', 'crashes'])
      .executeTakeFirst()
    if (lost) await lose(trx, lost, this.#now())
    const row = await trx
      .updateTable('extractions')
      .set(this.#starting())
      .where('id', '=', id)
      .where('status', '=', 'queued' satisfies ExtractionStatus)
      .where('fair_tag', '<=', fairTag)
      .where((eb) => eb.not(eb.exists(othersOnMailbox(eb, id))))
      .returningAll()
      .executeTakeFirst()
    return row && { row, sealed: await loadSealed(trx, row.credentials_id) }
  }

  #starting() {
    return {
      status: 'in_progress' satisfies ExtractionStatus,
      epoch: sql<number>`epoch + 1`,
      started_at: sql<string>`coalesce(started_at, ${this.#now()})`,
    }
  }

  /** With all that a worker needs: a claim that nobody hears of would wait for somebody to notice. */
  #takeNext() {
    return this.#transact(async (trx) => {
      const row = await trx
        .updateTable('extractions')
        .set(this.#starting())
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

  async statusesOf(claims: readonly Claim[]): Promise<Map<ExtractionId, ExtractionStatus>> {
    const epochs = new Map<string, number>(claims.map(({ extractionId, epoch }) => [extractionId, epoch]))
    const rows = await this.#db
      .selectFrom('extractions')
      .select(['id', 'epoch', 'status'])
      .where(this.#dialect.oneOf('id', [...epochs.keys()]))
      .where('status', 'in', RUNNING)
      .execute()
    const held = rows.filter((row) => epochs.get(row.id) === row.epoch)
    return new Map(held.map((row) => [row.id as ExtractionId, row.status as ExtractionStatus]))
  }

  settle(
    claim: Claim,
    event: 'stop' | 'complete' | 'fail' | 'lose',
    error?: ExtractionError,
  ): Promise<ExtractionStatus | undefined> {
    return this.#transact(async (trx) => {
      if (event === 'lose') return this.#giveBack(trx, claim, error)
      const from = await lockedStatusOf(trx, claim)
      if (!from) return undefined
      // A worker told to pause or cancel may find the wish withdrawn when it has stopped: it then gives the work back.
      const to = nextStatus(from, event) ?? nextStatus(from, 'lose')
      if (!to) return undefined
      await trx
        .updateTable('extractions')
        .set(columnsOnEntering(to, this.#now(), error))
        .where('id', '=', claim.extractionId)
        .where('epoch', '=', claim.epoch)
        .where('status', '=', from)
        .execute()
      return to
    })
  }

  recoverLost(): Promise<{ recovered: number }> {
    return this.#transact((trx) => recoverLost(trx, this.#now()))
  }

  /** By a worker that lives, and could not go on. It is counted as its loss is, lest it be given back and taken for ever. */
  async #giveBack(trx: Transaction<Schema>, claim: Claim, error?: ExtractionError) {
    const row = await trx
      .updateTable('extractions')
      .set({ crashes: sql`crashes + 1` })
      .where('id', '=', claim.extractionId)
      .where('epoch', '=', claim.epoch)
      .where('status', 'in', RUNNING)
      .returning(['id', 'status', 'crashes'])
      .executeTakeFirst()
    return row && lose(trx, row, this.#now(), error)
  }

  #now(): string {
    return isoTime(this.#clock.now())
  }
}

/** Another extraction that is being copied from the same mailbox. */
function othersOnMailbox(eb: ExpressionBuilder<Schema, 'extractions'>, id: ExtractionId) {
  return eb
    .selectFrom('extractions as busy')
    .select('busy.seq')
    .where('busy.status', 'in', RUNNING)
    .where('busy.id', '<>', id)
    .whereRef('busy.mailbox_key', '=', 'extractions.mailbox_key')
}
