import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { ExtractionId } from '../extractions/extraction.ts'
import type { QueuePosition, QueueStore, Waiting } from '../extractions/extraction-store.ts'
import { RUNNING } from './claims.ts'
import type { Database } from './dialects/dialect.ts'
import { toWaiting } from './members.ts'
import type { Schema } from './schema.ts'

export class SqlQueueStore implements QueueStore {
  readonly #db: Kysely<Schema>

  constructor(database: Database) {
    this.#db = database.db
  }

  async nextOfMailbox(id: ExtractionId): Promise<Waiting | undefined> {
    const ended = this.#db.selectFrom('extractions').where('id', '=', id)
    const row = await this.#free()
      .where((eb) =>
        eb.or([
          eb('queued.mailbox_key', '=', ended.select('mailbox_key')),
          eb('queued.address_key', '=', ended.select('address_key')),
        ]),
      )
      .orderBy('queued.fair_tag')
      .orderBy('queued.seq')
      .limit(1)
      .executeTakeFirst()
    return row && toWaiting(row)
  }

  async listRunning(limit: number): Promise<Waiting[]> {
    const rows = await this.#db
      .selectFrom('extractions')
      .select(['id', 'fair_tag'])
      .where('status', 'in', RUNNING)
      .limit(limit)
      .execute()
    return rows.map(toWaiting)
  }

  async listQueued(after: QueuePosition | undefined, limit: number) {
    const rows = await this.#free()
      .select('queued.seq')
      .$if(after !== undefined, (query) =>
        query.where(sql<boolean>`(queued.fair_tag, queued.seq) > (${after?.fairTag}, ${after?.seq})`),
      )
      .orderBy('queued.fair_tag')
      .orderBy('queued.seq')
      .limit(limit)
      .execute()
    const last = rows.length === limit ? rows.at(-1) : undefined
    return {
      items: rows.map(toWaiting),
      next: last ? { fairTag: Number(last.fair_tag), seq: Number(last.seq) } : null,
    }
  }

  /** Queued extractions whose mailbox nobody is copying. */
  #free() {
    return this.#db
      .selectFrom('extractions as queued')
      .select(['queued.id', 'queued.fair_tag'])
      .where('queued.status', '=', sql.lit('queued')) // a literal, so that the partial index serves it
      .where('queued.mailbox_key', 'not in', (busy) =>
        busy.selectFrom('extractions as busy').select('busy.mailbox_key').where('busy.status', 'in', RUNNING),
      )
  }
}
