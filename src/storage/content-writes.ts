import type { Transaction } from 'kysely'
import type { Sha256 } from '../copying/blob-store.ts'
import type { ContentWrite } from '../copying/content-store.ts'
import { AppError } from '../errors.ts'
import { type Claim, ClaimLostError } from '../extractions/extraction.ts'
import type { ExtractionStatus } from '../extractions/extraction-status.ts'
import { adding, claimedUpdate, statusOfClaimed } from './claims.ts'
import { compiledOnce } from './compiled-once.ts'
import type { Database } from './dialects/dialect.ts'
import type { ExtractionsTable, Schema } from './schema.ts'

const SPENT = ['requests', 'retries', 'throttled_ms', 'active_ms'] as const satisfies (keyof ExtractionsTable)[]
const AMOUNTS = [
  'attachments_total',
  'attachments_stored',
  'attachments_skipped',
  'bytes_stored',
] as const satisfies (keyof ExtractionsTable)[]

type Spent = Record<(typeof SPENT)[number], number>
type Amounts = Record<(typeof AMOUNTS)[number], number>

/** What there is to do in the transaction; answers what it adds to the counters of the run. */
export interface Work {
  write: ContentWrite
  /** Whose row is locked by it. */
  blob?: Sha256
  run: (trx: Transaction<Schema>) => Promise<Partial<Amounts>>
}

interface Waiting extends Work {
  isDue: boolean
  saved: PromiseWithResolvers<ExtractionStatus>
}

interface Queue {
  waiting: Waiting[]
  isBeingSaved: boolean
}

/**
 * Every write about a message begins with the claim, and adds what it did to the counters of the run. This, and to begin and
 * end a transaction, costs as much as the rest: so one transaction takes all that waits when it begins.
 */
export class ContentWrites {
  readonly #transact: Database['transact']
  /** By claim. */
  readonly #queues = new Map<string, Queue>()

  constructor(transact: Database['transact']) {
    this.#transact = transact
  }

  save(work: Work): Promise<ExtractionStatus> {
    const { claim, canWaitFor } = work.write
    const key = `${claim.extractionId} ${claim.epoch}`
    const queue = this.#queues.get(key) ?? { waiting: [], isBeingSaved: false }
    this.#queues.set(key, queue)
    const one: Waiting = { ...work, isDue: false, saved: Promise.withResolvers() }
    queue.waiting.push(one)
    const begin = () => {
      one.isDue = true
      if (!queue.isBeingSaved) void this.#saveWaiting(key, queue)
    }
    if (canWaitFor) canWaitFor.then(begin, begin)
    else begin()
    return one.saved.promise
  }

  async #saveWaiting(key: string, queue: Queue): Promise<void> {
    queue.isBeingSaved = true
    while (queue.waiting.some(({ isDue }) => isDue)) await this.#saveTogether(queue)
    queue.isBeingSaved = false
    if (queue.waiting.length === 0) this.#queues.delete(key)
  }

  /** Never fails: each hears of its own failure. */
  async #saveTogether(queue: Queue): Promise<void> {
    let some: Waiting[] = []
    const take = () => {
      if (some.length === 0) some = inOrderOfLocks(queue.waiting.splice(0))
      return some
    }
    try {
      // A transaction may be run again: then with the same ones.
      const status = await this.#transact((trx) => saveAll(trx, take()))
      for (const { saved } of some) saved.resolve(status)
    } catch (error) {
      const failed = take()
      if (failed.length === 1 || isOfAll(error)) for (const { saved } of failed) saved.reject(error)
      else for (const one of failed) await this.#saveAlone(one) // one that fails must not take others with it
    }
  }

  async #saveAlone(one: Waiting): Promise<void> {
    try {
      one.saved.resolve(await this.#transact((trx) => saveAll(trx, [one])))
    } catch (error) {
      one.saved.reject(error)
    }
  }
}

/** The claim, the database or the blob store is gone: to try each by itself would only take its time. */
function isOfAll(error: unknown): boolean {
  return error instanceof ClaimLostError || error instanceof AppError
}

/** Two mailboxes may have some blobs in common: who locks them in one order never waits for who waits for him. */
function inOrderOfLocks(some: readonly Waiting[]): Waiting[] {
  return some.toSorted(({ blob: one = '' }, { blob: other = '' }) => (one < other ? -1 : Number(one > other)))
}

/** All of one claim. */
async function saveAll(trx: Transaction<Schema>, some: readonly Work[]): Promise<ExtractionStatus> {
  const [first] = some
  if (!first) throw new Error('A transaction was begun with nothing to do')
  const { claim } = first.write
  const spent = await addSpent(trx, {
    ...claim,
    ...total(
      SPENT,
      some.map(({ write }) => spentOn(write)),
    ),
  })
  const status = statusOfClaimed(claim, spent.rows)
  const done: Partial<Amounts>[] = []
  for (const { run } of some) done.push(await run(trx))
  const amounts = total(AMOUNTS, done)
  if (AMOUNTS.some((column) => amounts[column] !== 0)) await addAmounts(trx, { ...claim, ...amounts })
  return status
}

const addSpent = compiledOnce((db, values: Claim & Spent) => {
  return claimedUpdate(db, claimIn(values), { crashes: 0, waiting_for: null, ...adding(pick(SPENT, values)) })
})

const addAmounts = compiledOnce((db, values: Claim & Amounts) => {
  return claimedUpdate(db, claimIn(values), adding(pick(AMOUNTS, values)))
})

function claimIn({ extractionId, epoch }: Claim): Claim {
  return { extractionId, epoch }
}

function spentOn({ usage, activeMs }: ContentWrite): Spent {
  const { requests, retries, throttledMs } = usage
  return { requests, retries, throttled_ms: Math.round(throttledMs), active_ms: Math.round(activeMs) }
}

function total<Column extends string>(
  columns: readonly Column[],
  amounts: readonly Partial<Record<Column, number>>[],
): Record<Column, number> {
  const sumOf = (column: Column) => amounts.reduce((sum, each) => sum + (each[column] ?? 0), 0)
  return Object.fromEntries(columns.map((column) => [column, sumOf(column)])) as Record<Column, number>
}

function pick<Column extends string>(columns: readonly Column[], values: Record<Column, number>) {
  return Object.fromEntries(columns.map((column) => [column, values[column]])) as Record<Column, number>
}
