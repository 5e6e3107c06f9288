import { type Kysely, sql, type Transaction } from 'kysely'
import { type Clock, isoTime } from '../clock.ts'
import { AppError } from '../errors.ts'
import { foldAddress } from '../extractions/addresses.ts'
import type { Batch, BatchSource, BatchWish } from '../extractions/batch.ts'
import { totalUsers } from '../extractions/batch.ts'
import type { BatchId, ConnectionId, Extraction, ExtractionId } from '../extractions/extraction.ts'
import { neverStarted } from '../extractions/extraction-commands.ts'
import {
  EXTRACTION_STATUSES,
  type ExtractionEvent,
  type ExtractionStatus,
  isEnded,
  moveRefused,
  movesOn,
  nextStatus,
} from '../extractions/extraction-status.ts'
import type { ExtractionStore, MemberQuery, NewBatch, NewExtraction, Slice } from '../extractions/extraction-store.ts'
import type { ExtractionOptions } from '../extractions/options.ts'
import { saveCredentials } from './credentials.ts'
import type { Database } from './dialects/dialect.ts'
import { COUNTER_COLUMNS, columnsOnEntering, toError, toExtraction, toOptions, toProgress } from './extraction-rows.ts'
import { toJson } from './json.ts'
import { insertMembers, requeueMembers, tagAheadOfBatches, toWaiting } from './members.ts'
import type { Schema } from './schema.ts'
import type { SecretBox } from './secret-box.ts'
import type { Tickets } from './tickets.ts'

/** Somebody else can move an extraction between our look and our update; more often than this is a bug. */
const MAX_MOVE_TRIES = 20

export class SqlExtractionStore implements ExtractionStore {
  readonly #db: Kysely<Schema>
  readonly #transact: Database['transact']
  readonly #box: SecretBox
  readonly #clock: Clock
  readonly #tickets: Tickets

  constructor(database: Database, box: SecretBox, clock: Clock, tickets: Tickets) {
    this.#db = database.db
    this.#transact = database.transact
    this.#box = box
    this.#clock = clock
    this.#tickets = tickets
  }

  submit(extraction: NewExtraction): Promise<Extraction> {
    const { id, connectionId, userUpn, options } = extraction
    return this.#transact(async (trx) => {
      await refuseSecondStart(trx, extraction)
      const now = isoTime(this.#clock.now())
      const row = await trx
        .insertInto('extractions')
        .values({
          id,
          connection_id: connectionId,
          user_upn: userUpn,
          address_key: foldAddress(userUpn),
          mailbox_key: foldAddress(userUpn),
          credentials_id: await saveCredentials(trx, this.#box, extraction.credentials, now),
          options: toJson(options),
          status: 'queued' satisfies ExtractionStatus,
          fair_tag: await tagAheadOfBatches(trx),
          created_at: now,
        })
        .returningAll()
        .executeTakeFirstOrThrow()
      await this.#tickets.issue(trx, [toWaiting(row)])
      return toExtraction(row)
    })
  }

  resubmitForSkipped(connectionId: ConnectionId, id: ExtractionId): Promise<Extraction> {
    return this.#transact(async (trx) => {
      const latest = await latestOf(trx, connectionId)
      if (!latest) throw neverStarted(connectionId)
      refuseActive(latest)
      const { connection_id, user_upn, address_key, mailbox_key, mailbox_id, credentials_id } = latest
      const options: ExtractionOptions = { ...toOptions(latest.options), only: 'skipped' }
      const row = await trx
        .insertInto('extractions')
        .values({
          ...{ id, connection_id, user_upn, address_key, mailbox_key, mailbox_id, credentials_id },
          options: toJson(options),
          status: 'queued' satisfies ExtractionStatus,
          fair_tag: await tagAheadOfBatches(trx),
          created_at: isoTime(this.#clock.now()),
        })
        .returningAll()
        .executeTakeFirstOrThrow()
      await this.#tickets.issue(trx, [toWaiting(row)])
      return toExtraction(row)
    })
  }

  /** Begins a write that changes nothing: a read-only or locked database refuses it. */
  async checkWritable(): Promise<void> {
    await this.#transact(async (trx) => {
      await trx.updateTable('batches').set({ wish: 'run' }).where('seq', '=', -1).execute()
    })
  }

  async findLatest(connectionId: ConnectionId): Promise<Extraction | undefined> {
    const row = await latestOf(this.#db, connectionId)
    return row && toExtraction(row)
  }

  async move(id: ExtractionId, event: ExtractionEvent): Promise<Extraction> {
    for (let tries = 0; tries < MAX_MOVE_TRIES; tries++) {
      const row = await this.#db.selectFrom('extractions').selectAll().where('id', '=', id).executeTakeFirst()
      if (!row) throw new AppError('extraction_not_found', `There is no extraction ${id}`)
      const from = row.status as ExtractionStatus
      const to = nextStatus(from, event)
      if (to === undefined) throw moveRefused(from, event)
      if (to === from) return toExtraction(row)

      const moved = await this.#moveFrom(from, to, id)
      if (moved) return toExtraction(moved)
    }
    throw new Error(`Extraction ${id} never kept still for the event ${event}`)
  }

  #moveFrom(from: ExtractionStatus, to: ExtractionStatus, id: ExtractionId) {
    return this.#transact(async (trx) => {
      if (isEnded(from)) await refuseWhereReplaced(trx, id)
      const fair_tag = await tagAheadOfBatches(trx) // continued by name is like started by name
      const row = await trx
        .updateTable('extractions')
        .set(columnsOnEntering(to, isoTime(this.#clock.now())))
        .$if(to === 'queued', (update) => update.set({ fair_tag, crashes: 0 }))
        .where('id', '=', id)
        .where('status', '=', from)
        .returningAll()
        .executeTakeFirst()
      if (row && to === 'queued') await this.#tickets.issue(trx, [toWaiting(row)])
      return row
    })
  }

  async submitBatch(batch: NewBatch): Promise<void> {
    await this.#transact(async (trx) => {
      const now = isoTime(this.#clock.now())
      const credentials_id = await saveCredentials(trx, this.#box, batch.credentials, now)
      const options = toJson(batch.options)
      await trx
        .insertInto('batches')
        .values({
          id: batch.id,
          source: toJson(batch.source),
          wish: 'run' satisfies BatchWish,
          exclude: toJson(batch.exclude),
          options,
          credentials_id,
          listed: batch.source.kind === 'users' ? 1 : 0,
          created_at: now,
        })
        .execute()
      if (batch.source.kind !== 'users') await this.#tickets.issueListing(trx)
      await insertMembers(trx, this.#tickets, {
        batchId: batch.id,
        userUpns: batch.userUpns,
        status: 'queued',
        credentials_id,
        options,
        now,
      })
    })
  }

  async findBatch(id: BatchId): Promise<Batch | undefined> {
    const batch = await this.#db.selectFrom('batches').selectAll().where('id', '=', id).executeTakeFirst()
    if (!batch) return undefined
    const groups = await this.#db
      .selectFrom('extractions')
      .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
      .where('batch_id', '=', id)
      .groupBy('status')
      .execute()
    const sums = await this.#db
      .selectFrom('extractions')
      .select((eb) => Object.values(COUNTER_COLUMNS).map((column) => eb.fn.sum<number | null>(column).as(column)))
      .select((eb) => [
        eb.fn.min('started_at').as('started_at'),
        eb.fn.max('completed_at').as('completed_at'),
        eb.fn.count<number>('started_at').as('begun'),
      ])
      .where('batch_id', '=', id)
      .executeTakeFirstOrThrow()

    const counts = Object.fromEntries(EXTRACTION_STATUSES.map((status) => [status, 0])) as Batch['counts']
    for (const { status, count } of groups) counts[status as ExtractionStatus] = Number(count)
    const open = EXTRACTION_STATUSES.filter((status) => !isEnded(status)).some((status) => counts[status] > 0)
    return {
      id,
      source: JSON.parse(batch.source) as BatchSource,
      wish: batch.wish as BatchWish,
      listed: batch.listed === 1,
      createdAt: batch.created_at,
      startedAt: sums.started_at,
      completedAt: open || totalUsers(counts) === 0 ? null : sums.completed_at,
      error: toError(batch),
      counts,
      begunUsers: Number(sums.begun),
      progress: toProgress(sums as Parameters<typeof toProgress>[0]),
    }
  }

  async moveBatch(
    id: BatchId,
    event: ExtractionEvent,
    wish: BatchWish,
    from: readonly ExtractionStatus[],
  ): Promise<void> {
    await this.#transact(async (trx) => {
      await trx.updateTable('batches').set({ wish }).where('id', '=', id).execute()
      if (event === 'continue') {
        // A listing that failed goes on where it stopped.
        const again = { listed: 0, error_code: null, error_message: null }
        await trx.updateTable('batches').set(again).where('id', '=', id).where('error_code', 'is not', null).execute()
      }
      const moves = movesOn(event).filter((move) => move.from !== move.to && from.includes(move.from))
      if (moves.length > 0) await moveMembers(trx, id, moves, isoTime(this.#clock.now()))
      if (event === 'continue') {
        await requeueMembers(trx, this.#tickets, id)
        await this.#tickets.issueListing(trx)
      }
    })
  }

  async listMembers(id: BatchId, query: MemberQuery): Promise<Slice<Extraction, number>> {
    const rows = await this.#db
      .selectFrom('extractions')
      .selectAll()
      .where('batch_id', '=', id)
      .$if(query.status !== undefined, (select) => select.where('status', '=', query.status ?? ''))
      .where('seq', '>', query.after ?? 0)
      .orderBy('seq')
      .limit(query.limit + 1)
      .execute()
    const items = rows.slice(0, query.limit)
    return { items: items.map(toExtraction), next: rows.length > query.limit ? (items.at(-1)?.seq ?? null) : null }
  }
}

/**
 * One statement for all moves: where a worker is just changing a member, Postgres waits and then looks at the member
 * again, and so moves it from the status that it has by then.
 */
async function moveMembers(trx: Transaction<Schema>, id: BatchId, moves: ReturnType<typeof movesOn>, now: string) {
  const to = moves.map((move) => sql`when status = ${move.from} then ${move.to}`)
  const ended = moves.filter((move) => isEnded(move.to)).map((move) => move.from)
  const queued = moves.filter((move) => move.to === 'queued').map((move) => move.from)
  await trx
    .updateTable('extractions')
    .set((eb) => ({
      ...columnsOnEntering('queued', now),
      status: sql<string>`case ${sql.join(to, sql` `)} end`,
      ...(ended.length > 0 && {
        // What has not ended has no such time; the column, so that Postgres knows the type.
        completed_at: eb.case().when('status', 'in', ended).then(now).else(eb.ref('completed_at')).end(),
      }),
      ...(queued.length > 0 && {
        crashes: eb.case().when('status', 'in', queued).then(0).else(eb.ref('crashes')).end(),
      }),
    }))
    .where('batch_id', '=', id)
    .where(
      'status',
      'in',
      moves.map((move) => move.from),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('extractions as later')
            .select('later.seq')
            .whereRef('later.connection_id', '=', 'extractions.connection_id')
            .whereRef('later.seq', '>', 'extractions.seq'),
        ),
      ),
    )
    .execute()
}

/** Of one connection one extraction at a time has not ended: after a failure somebody may have started it anew. */
async function refuseWhereReplaced(trx: Transaction<Schema>, id: ExtractionId): Promise<void> {
  const { connection_id } = await trx
    .selectFrom('extractions')
    .select('connection_id')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  const latest = await latestOf(trx, connection_id as ConnectionId)
  if (latest && latest.id !== id) refuseActive(latest)
}

async function refuseSecondStart(trx: Transaction<Schema>, { connectionId, userUpn }: NewExtraction): Promise<void> {
  const latest = await latestOf(trx, connectionId)
  if (!latest) return
  if (foldAddress(latest.user_upn) !== foldAddress(userUpn)) {
    throw new AppError(
      'connection_bound',
      `Connection "${connectionId}" belongs to ${latest.user_upn}: use another connection_id for another mailbox`,
      { fields: { connection_id: connectionId, status: latest.status } },
    )
  }
  refuseActive(latest)
}

function refuseActive({ connection_id, status }: { connection_id: string; status: string }): void {
  if (isEnded(status as ExtractionStatus)) return
  throw new AppError('extraction_active', `Extraction already ${status.replace('_', ' ')}`, {
    fields: { connection_id, status },
  })
}

function latestOf(db: Kysely<Schema>, connectionId: ConnectionId) {
  return db
    .selectFrom('extractions')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
}
