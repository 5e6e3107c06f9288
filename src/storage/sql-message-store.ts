import type { Kysely, Transaction } from 'kysely'
import { type Clock, isoTime } from '../clock.ts'
import type { FolderId, Usage } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import type { Lane, LanePlan, MailboxKey, MessageStore, PageToSave } from '../copying/message-store.ts'
import type { Claim } from '../extractions/extraction.ts'
import { type ExtractionStatus, nextStatus } from '../extractions/extraction-status.ts'
import type { BodyOption } from '../extractions/options.ts'
import { adding, RUNNING, updateClaimed } from './claims.ts'
import type { Database, Dialect } from './dialects/dialect.ts'
import { contentBytes, toEmailRow, toPatchedColumns } from './email-rows.ts'
import { saveFolders } from './folders.ts'
import { openLanes } from './lanes.ts'
import { forgetWalked, markUnwalked, noteWalked, REWALK } from './rewalks.ts'
import type { Schema } from './schema.ts'

export class SqlMessageStore implements MessageStore {
  readonly #db: Kysely<Schema>
  readonly #dialect: Dialect
  readonly #clock: Clock

  constructor(database: Database, clock: Clock) {
    this.#db = database.db
    this.#dialect = database.dialect
    this.#clock = clock
  }

  bindMailbox(claim: Claim, mailbox: { objectId: string; userUpn: string }): Promise<MailboxKey | 'busy'> {
    return this.#db.transaction().execute(async (trx) => {
      const { status } = await updateClaimed(trx, claim, { crashes: (eb) => eb.ref('crashes') })
      const { id: mailbox_id } = await trx
        .insertInto('mailboxes')
        .values({ object_id: mailbox.objectId, user_upn: mailbox.userUpn, created_at: isoTime(this.#clock.now()) })
        .onConflict((conflict) => conflict.column('object_id').doUpdateSet({ user_upn: mailbox.userUpn }))
        .returning('id')
        .executeTakeFirstOrThrow()

      const other = await trx
        .selectFrom('extractions')
        .select('id')
        .where('mailbox_key', '=', mailbox.objectId)
        .where('status', 'in', RUNNING)
        .where('id', '!=', claim.extractionId)
        .executeTakeFirst()
      if (other) {
        const givenBack = nextStatus(status, 'lose') ?? status
        await updateClaimed(trx, claim, { mailbox_id, mailbox_key: mailbox.objectId, status: givenBack })
        return 'busy'
      }
      await updateClaimed(trx, claim, { mailbox_id, mailbox_key: mailbox.objectId })
      return mailbox_id as MailboxKey
    })
  }

  openLanes(claim: Claim, mailbox: MailboxKey, plan: LanePlan): Promise<Lane[]> {
    return this.#db.transaction().execute(async (trx) => {
      await updateClaimed(trx, claim, { crashes: (eb) => eb.ref('crashes') })
      await saveFolders(trx, this.#dialect, mailbox, plan.folders, isoTime(this.#clock.now()))
      const { lanes, progress } = await openLanes(trx, this.#dialect, claim, mailbox, plan)
      await updateClaimed(trx, claim, progress)
      return lanes
    })
  }

  async heldMessages(mailbox: MailboxKey, ids: readonly MessageId[]): Promise<Set<MessageId>> {
    if (ids.length === 0) return new Set()
    const rows = await this.#db
      .selectFrom('emails')
      .select('id')
      .where('mailbox_id', '=', mailbox)
      .where('id', 'in', this.#dialect.textList(ids))
      .execute()
    return new Set(rows.map((row) => row.id as MessageId))
  }

  savePage(claim: Claim, mailbox: MailboxKey, lane: Lane, page: PageToSave): Promise<ExtractionStatus> {
    return this.#db.transaction().execute(async (trx) => {
      const { status } = await updateClaimed(trx, claim, {
        crashes: 0,
        waiting_for: null,
        ...adding({ ...usageColumns(page.usage), active_ms: Math.round(page.activeMs) }),
      })
      const stored = await this.#storeMessages(trx, mailbox, lane, page)
      const patched = await patchMessages(trx, mailbox, lane.folderId, page)
      const removed = await this.#markRemoved(trx, mailbox, lane.folderId, page.removed)
      const { covered, rewalks } = await moveCheckpoint(trx, mailbox, lane.folderId, page)
      const unseen = rewalks ? await this.#noteWalked(trx, mailbox, lane.folderId, page) : 0
      await updateClaimed(
        trx,
        claim,
        adding({
          messages_stored: stored.changed + patched,
          messages_unchanged: stored.unchanged,
          messages_removed: removed + unseen,
          messages_covered: covered,
          folders_done: page.next.at === 'end' ? 1 : 0,
          bytes_stored: stored.bytes,
        }),
      )
      return status
    })
  }

  async restartLane(claim: Claim, mailbox: MailboxKey, folder: FolderId): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await updateClaimed(trx, claim, { crashes: (eb) => eb.ref('crashes') })
      await trx
        .updateTable('lanes')
        .set(REWALK)
        .where('mailbox_id', '=', mailbox)
        .where('folder_id', '=', folder)
        .execute()
      await forgetWalked(trx, mailbox, folder)
    })
  }

  async forgetFolder(claim: Claim, mailbox: MailboxKey, folder: FolderId): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      const now = isoTime(this.#clock.now())
      await trx
        .updateTable('folders')
        .set({ removed_at: now })
        .where('mailbox_id', '=', mailbox)
        .where('id', '=', folder)
        .execute()
      await trx
        .updateTable('lanes')
        .set({ at: 'start', link: null, done: 1 })
        .where('mailbox_id', '=', mailbox)
        .where('folder_id', '=', folder)
        .execute()
      const removed = await trx
        .updateTable('emails')
        .set({ removed_at: now })
        .where('mailbox_id', '=', mailbox)
        .where('parent_folder_id', '=', folder)
        .where('removed_at', 'is', null)
        .executeTakeFirst()
      await updateClaimed(trx, claim, adding({ folders_done: 1, messages_removed: Number(removed.numUpdatedRows) }))
    })
  }

  async addUsage(claim: Claim, spent: Parameters<MessageStore['addUsage']>[1]): Promise<void> {
    const amounts = { ...usageColumns(spent.usage), active_ms: Math.round(spent.activeMs) }
    const changes = { ...adding(amounts), waiting_for: spent.waitingFor ?? null }
    await this.#db.transaction().execute((trx) => updateClaimed(trx, claim, changes))
  }

  async #storeMessages(
    trx: Transaction<Schema>,
    mailbox: MailboxKey,
    lane: Lane,
    { messages }: PageToSave,
  ): Promise<{ changed: number; unchanged: number; bytes: number }> {
    if (messages.length === 0) return { changed: 0, unchanged: 0, bytes: 0 }
    const known = await trx
      .selectFrom('emails')
      .select(['id', 'change_key', 'parent_folder_id', 'body_kept', 'removed_at'])
      .where('mailbox_id', '=', mailbox)
      .where('id', 'in', this.#dialect.textList(messages.map((message) => message.id)))
      .execute()
    const held = new Map(known.map((row) => [row.id, row]))

    const changed = messages.filter((message) => {
      const row = held.get(message.id)
      const same =
        row !== undefined &&
        message.changeKey !== null &&
        row.change_key === message.changeKey &&
        row.parent_folder_id === lane.folderId &&
        row.removed_at === null &&
        keeps(row.body_kept, lane.body)
      return !same
    })
    await this.#dialect.upsertEmails(
      trx,
      changed.map((message) => toEmailRow(mailbox, lane.folderId, lane.body, message)),
    )
    return {
      changed: changed.length,
      unchanged: messages.length - changed.length,
      bytes: changed.reduce((sum, message) => sum + contentBytes(message), 0),
    }
  }

  /** Answers how many messages the walk, at its end, turned out not to have seen. */
  async #noteWalked(
    trx: Transaction<Schema>,
    mailbox: MailboxKey,
    folder: FolderId,
    page: PageToSave,
  ): Promise<number> {
    await noteWalked(trx, this.#dialect, mailbox, folder, page)
    return page.next.at === 'end' ? markUnwalked(trx, mailbox, folder, isoTime(this.#clock.now())) : 0
  }

  /** Only where the message is still in this folder: one that moved was perhaps already reported by its new folder. */
  async #markRemoved(
    trx: Transaction<Schema>,
    mailbox: MailboxKey,
    folder: FolderId,
    ids: readonly MessageId[],
  ): Promise<number> {
    if (ids.length === 0) return 0
    const result = await trx
      .updateTable('emails')
      .set({ removed_at: isoTime(this.#clock.now()) })
      .where('mailbox_id', '=', mailbox)
      .where('id', 'in', this.#dialect.textList(ids))
      .where('parent_folder_id', '=', folder)
      .where('removed_at', 'is', null)
      .executeTakeFirst()
    return Number(result.numUpdatedRows)
  }
}

async function patchMessages(
  trx: Transaction<Schema>,
  mailbox: MailboxKey,
  folder: FolderId,
  { patches }: PageToSave,
): Promise<number> {
  let patched = 0
  for (const patch of patches) {
    const columns = { ...toPatchedColumns(patch), parent_folder_id: folder, removed_at: null }
    const result = await trx
      .updateTable('emails')
      .set(columns)
      .where('mailbox_id', '=', mailbox)
      .where('id', '=', patch.id)
      .executeTakeFirst()
    patched += Number(result.numUpdatedRows)
  }
  return patched
}

/** Moves the lane on and answers how much of the expected work the page covers; at the end, all that was left of it. */
async function moveCheckpoint(
  trx: Transaction<Schema>,
  mailbox: MailboxKey,
  folder: FolderId,
  { messages, patches, next }: PageToSave,
): Promise<{ covered: number; rewalks: boolean }> {
  const atEnd = next.at === 'end'
  const before = await trx
    .selectFrom('lanes')
    .select('rewalks')
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', folder)
    .executeTakeFirstOrThrow()
  const listed = messages.length + patches.length
  const lane = await trx
    .updateTable('lanes')
    .set((eb) => ({
      at: next.at,
      link: next.at === 'start' ? null : next.link,
      done: atEnd ? 1 : 0,
      listed: eb('listed', '+', listed),
      rewalks: atEnd ? 0 : before.rewalks,
    }))
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', folder)
    .returning(['expected', 'listed'])
    .executeTakeFirstOrThrow()
  return { covered: atEnd ? listed + Math.max(0, lane.expected - lane.listed) : listed, rewalks: before.rewalks === 1 }
}

/** True where mail kept as `kept` has all that `wanted` asks for. */
function keeps(kept: string, wanted: BodyOption): boolean {
  return kept === wanted || kept === 'both'
}

function usageColumns(usage: Usage) {
  return { requests: usage.requests, retries: usage.retries, throttled_ms: Math.round(usage.throttledMs) }
}
