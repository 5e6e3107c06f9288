import { type Kysely, sql, type Transaction } from 'kysely'
import { type Clock, isoTime } from '../clock.ts'
import { START, type Way } from '../copying/checkpoint.ts'
import type { FolderId, MessageVersion } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import type { Lane, LanePlan, MailboxKey, MessageStore, PageToSave } from '../copying/message-store.ts'
import type { ReceivedRange } from '../copying/received-range.ts'
import type { Spans } from '../copying/spans.ts'
import type { Claim } from '../extractions/extraction.ts'
import { type ExtractionStatus, nextStatus } from '../extractions/extraction-status.ts'
import { ownTurn } from '../own-turn.ts'
import { adding, lockClaimed, RUNNING, updateClaimed } from './claims.ts'
import { openContents, withdrawRemoved } from './contents.ts'
import type { Database, Dialect } from './dialects/dialect.ts'
import { knownFolders, markGone, noteFullWalk, saveFolders } from './folders.ts'
import { toJson } from './json.ts'
import { closeLane, expectInstead, openLanes, toLane } from './lanes.ts'
import { addRanges, forgetRanges, narrowRange, openRanges, unfilledMessages } from './ranges.ts'
import { forgetSomeWalked, forgetWalked, REWALK, unwalkedMessages } from './rewalks.ts'
import { heldVersions, isHeld, listedOf, moveLane, storePage } from './save-page.ts'
import type { Schema } from './schema.ts'
import { countStored } from './stored-messages.ts'

/** Ids of a folder that are looked up together: few enough that SQLite is back within milliseconds. */
const COMPARED_AT_ONCE = 1_000

export class SqlMessageStore implements MessageStore {
  readonly #db: Kysely<Schema>
  readonly #transact: Database['transact']
  readonly #dialect: Dialect
  readonly #clock: Clock

  constructor(database: Database, clock: Clock) {
    this.#db = database.db
    this.#transact = database.transact
    this.#dialect = database.dialect
    this.#clock = clock
  }

  bindMailbox(claim: Claim, mailbox: { objectId: string; userUpn: string }): Promise<MailboxKey | 'busy'> {
    return this.#transact(async (trx) => {
      const { status } = await lockClaimed(trx, claim)
      const { id: mailbox_id } = await trx
        .insertInto('mailboxes')
        .values({ object_id: mailbox.objectId, user_upn: mailbox.userUpn, created_at: this.#now() })
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

  async lastFolders(mailbox: MailboxKey) {
    const { folders_walked_at: walkedAt } = await this.#db
      .selectFrom('mailboxes')
      .select('folders_walked_at')
      .where('id', '=', mailbox)
      .executeTakeFirstOrThrow()
    const folders = await knownFolders(this.#db, mailbox)
    return { folders, walkedInFullAt: walkedAt === null ? undefined : Date.parse(walkedAt) }
  }

  openLanes(claim: Claim, mailbox: MailboxKey, plan: LanePlan): Promise<Lane[]> {
    return this.#transact(async (trx) => {
      await lockClaimed(trx, claim)
      const removed = await saveFolders(trx, this.#dialect, mailbox, plan.folders, this.#now())
      if (plan.isWalkedInFull) await noteFullWalk(trx, mailbox, this.#now())
      const { lanes, progress } = await openLanes(trx, this.#dialect, claim, mailbox, plan)
      if (removed > 0) await withdrawRemoved(trx, mailbox)
      const missing = await openContents({ trx, dialect: this.#dialect, mailbox }, plan)
      const gone = adding({ messages_listed: removed, messages_removed: removed })
      const attachments_total = sql<number>`attachments_stored + attachments_skipped + ${missing}`
      await updateClaimed(trx, claim, { ...progress, ...gone, attachments_total })
      return lanes
    })
  }

  async heldMessages(mailbox: MailboxKey, ids: readonly MessageId[]): Promise<Set<MessageId>> {
    if (ids.length === 0) return new Set()
    const rows = await this.#db.selectFrom(this.#dialect.emailsOf(mailbox, ids).as('emails')).select('id').execute()
    return new Set(rows.map((row) => row.id as MessageId))
  }

  async staleMessages(mailbox: MailboxKey, lane: Lane, versions: readonly MessageVersion[]): Promise<Set<MessageId>> {
    const ids = versions.map(({ id }) => id)
    const held = await heldVersions({ db: this.#db, dialect: this.#dialect, mailbox }, ids)
    return new Set(versions.filter((version) => !isHeld(version, lane, held)).map(({ id }) => id))
  }

  async unwalkedMessages(mailbox: MailboxKey, folder: FolderId, after: MessageId | undefined) {
    await ownTurn('store')
    return unwalkedMessages(this.#db, mailbox, folder, after, COMPARED_AT_ONCE)
  }

  async countFolder(
    mailbox: MailboxKey,
    folder: FolderId,
    received: Spans,
  ): Promise<{ stored: number; skipped: number }> {
    const stored = await countStored(this.#db, mailbox, folder, received)
    const skipped = await this.#db
      .selectFrom('skipped_emails')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('mailbox_id', '=', mailbox)
      .where('folder_id', '=', folder)
      .where('part', '=', '')
      .executeTakeFirstOrThrow()
    return { stored, skipped: Number(skipped.count) }
  }

  async countMailbox(mailbox: MailboxKey): Promise<number> {
    const recoverable = this.#db
      .selectFrom('folders')
      .select('id')
      .where('mailbox_id', '=', mailbox)
      .where('is_recoverable', '=', 1)
    const stored = await this.#db
      .selectFrom('emails')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('mailbox_id', '=', mailbox)
      .where('removed_at', 'is', null)
      .where('parent_folder_id', 'not in', recoverable)
      .executeTakeFirstOrThrow()
    const skipped = await this.#db
      .selectFrom('skipped_emails')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('mailbox_id', '=', mailbox)
      .where('folder_id', 'not in', recoverable)
      .where('part', '=', '')
      .executeTakeFirstOrThrow()
    return Number(stored.count) + Number(skipped.count)
  }

  async noteUnlisted(claim: Claim, messages: number): Promise<void> {
    await this.#transact((trx) => updateClaimed(trx, claim, { messages_unlisted: messages }))
  }

  async savePage(claim: Claim, mailbox: MailboxKey, lane: Lane, page: PageToSave): Promise<ExtractionStatus> {
    const { status, isNoted } = await this.#transact(async (trx) => {
      const place = { trx, dialect: this.#dialect, mailbox, lane, now: this.#now() }
      // Before the row of the extraction is taken, for which all pages of a mailbox wait: they would be stored one by one.
      const counts = await storePage(place, page)
      const listed = listedOf(counts)
      const progress = {
        ...usageColumns(page.usage),
        active_ms: Math.round(page.activeMs),
        messages_listed: listed,
        messages_covered: listed,
        messages_stored: counts.stored,
        messages_unchanged: counts.unchanged,
        messages_removed: counts.removed,
        messages_skipped: counts.skipped,
        bytes_stored: counts.bytes,
        attachments_total: counts.attachments,
      }
      const { status } = await updateClaimed(trx, claim, { crashes: 0, waiting_for: null, ...adding(progress) })
      const { count: gone, attachments, isNoted } = await moveLane(place, page, counts)
      if (gone > 0) {
        const removed = { messages_listed: gone, messages_covered: gone, messages_removed: gone }
        await updateClaimed(trx, claim, adding({ ...removed, attachments_total: attachments }))
      }
      return { status, isNoted }
    })
    if (isNoted) await this.#forgetWalked(claim, mailbox, lane.folderId)
    return status
  }

  /** In pieces, for there may be a million. */
  async #forgetWalked(claim: Claim, mailbox: MailboxKey, folder: FolderId): Promise<void> {
    const forgetSome = async (trx: Transaction<Schema>) => {
      await lockClaimed(trx, claim) // what another worker notes by now is not ours
      return forgetSomeWalked(trx, mailbox, folder, COMPARED_AT_ONCE)
    }
    while (await this.#transact(forgetSome)) {
      // until none is left
    }
  }

  beginFill(claim: Claim, mailbox: MailboxKey, lane: Lane, ranges: readonly ReceivedRange[]): Promise<Lane> {
    return this.#transact(async (trx) => {
      await lockClaimed(trx, claim)
      await forgetRanges(trx, mailbox, lane.folderId)
      await addRanges(trx, mailbox, lane.folderId, ranges)
      const more = await expectInstead(trx, mailbox, lane)
      await updateClaimed(trx, claim, adding({ messages_total: more }))
      return this.#sendBack(trx, mailbox, lane, { source: 'delta', content: 'ids' }, true)
    })
  }

  abandonFill(claim: Claim, mailbox: MailboxKey, lane: Lane, way: Way): Promise<Lane> {
    return this.#transact(async (trx) => {
      await lockClaimed(trx, claim)
      await forgetRanges(trx, mailbox, lane.folderId)
      return this.#sendBack(trx, mailbox, lane, way, false)
    })
  }

  async #sendBack(trx: Transaction<Schema>, mailbox: MailboxKey, lane: Lane, way: Way, filling: boolean) {
    await trx
      .updateTable('lanes')
      .set({ ...REWALK, ...way, filling: Number(filling), wanted: toJson(lane.received) })
      .where('mailbox_id', '=', mailbox)
      .where('folder_id', '=', lane.folderId)
      .execute()
    await forgetWalked(trx, mailbox, lane.folderId)
    return { ...lane, checkpoint: START, way, filling, gaps: undefined }
  }

  openRanges(mailbox: MailboxKey, folder: FolderId): Promise<ReceivedRange[]> {
    return openRanges(this.#db, mailbox, folder)
  }

  async splitRange(
    claim: Claim,
    mailbox: MailboxKey,
    folder: FolderId,
    newer: ReceivedRange,
    older: ReceivedRange,
  ): Promise<void> {
    await this.#transact(async (trx) => {
      await lockClaimed(trx, claim)
      await narrowRange(trx, mailbox, folder, newer)
      await addRanges(trx, mailbox, folder, [older])
    })
  }

  async unfilledMessages(mailbox: MailboxKey, lane: Lane, after: MessageId | undefined) {
    await ownTurn('store')
    const place = { db: this.#db, dialect: this.#dialect, mailbox }
    return unfilledMessages(place, lane, after, COMPARED_AT_ONCE)
  }

  async restartLane(claim: Claim, mailbox: MailboxKey, folder: FolderId, way: Way): Promise<void> {
    await this.#transact(async (trx) => {
      await lockClaimed(trx, claim)
      await trx
        .updateTable('lanes')
        .set({ ...REWALK, ...way })
        .where('mailbox_id', '=', mailbox)
        .where('folder_id', '=', folder)
        .execute()
      await forgetWalked(trx, mailbox, folder)
    })
  }

  async proveLane(claim: Claim, mailbox: MailboxKey, folder: FolderId, listedByGraph: number | null): Promise<void> {
    await this.#transact(async (trx) => {
      await lockClaimed(trx, claim)
      const left = await closeLane(trx, mailbox, folder, listedByGraph)
      await updateClaimed(trx, claim, adding({ folders_done: 1, messages_covered: left }))
    })
  }

  async forgetFolder(claim: Claim, mailbox: MailboxKey, folder: FolderId): Promise<void> {
    await this.#transact(async (trx) => {
      await lockClaimed(trx, claim)
      const left = await closeLane(trx, mailbox, folder, 0)
      await forgetRanges(trx, mailbox, folder)
      await forgetWalked(trx, mailbox, folder)
      const removed = await markGone(trx, this.#dialect, mailbox, [folder], this.#now())
      const attachments = await withdrawRemoved(trx, mailbox)
      await trx
        .updateTable('lanes')
        .set((eb) => ({
          at: 'start' as const,
          link: null,
          filling: 0,
          listed: eb('listed', '+', removed),
          removed: eb('removed', '+', removed),
        }))
        .where('mailbox_id', '=', mailbox)
        .where('folder_id', '=', folder)
        .execute()
      const progress = {
        messages_listed: removed,
        messages_removed: removed,
        messages_covered: left,
        attachments_total: attachments,
      }
      await updateClaimed(trx, claim, adding({ folders_done: 1, ...progress }))
    })
  }

  async listSkipped(mailbox: MailboxKey, after: MessageId | undefined, limit: number) {
    const rows = await this.#db
      .selectFrom('skipped_emails')
      .innerJoin('lanes', (join) =>
        join
          .onRef('lanes.mailbox_id', '=', 'skipped_emails.mailbox_id')
          .onRef('lanes.folder_id', '=', 'skipped_emails.folder_id'),
      )
      .selectAll('lanes')
      .select('skipped_emails.message_id')
      .where('skipped_emails.mailbox_id', '=', mailbox)
      .where('skipped_emails.part', '=', '')
      .where('skipped_emails.message_id', '>', after ?? '')
      .orderBy('skipped_emails.message_id')
      .limit(limit)
      .execute()
    return rows.map((row) => ({ id: row.message_id as MessageId, lane: toLane(row) }))
  }

  async addUsage(claim: Claim, spent: Parameters<MessageStore['addUsage']>[1]): Promise<void> {
    const amounts = { ...usageColumns(spent.usage), active_ms: Math.round(spent.activeMs) }
    const changes = { ...adding(amounts), waiting_for: spent.waitingFor ?? null }
    await this.#transact((trx) => updateClaimed(trx, claim, changes))
  }

  #now(): string {
    return isoTime(this.#clock.now())
  }
}

function usageColumns(usage: PageToSave['usage']) {
  return { requests: usage.requests, retries: usage.retries, throttled_ms: Math.round(usage.throttledMs) }
}
