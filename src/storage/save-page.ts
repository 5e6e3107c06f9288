import type { Kysely, Selectable, Transaction } from 'kysely'
import { isoTime } from '../clock.ts'
import type { MessageVersion } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import { type Lane, type MailboxKey, MovedMeanwhileError, type PageToSave } from '../copying/message-store.ts'
import type { BodyOption } from '../extractions/options.ts'
import { expectContents, withdrawContents, withdrawRemoved } from './contents.ts'
import type { Dialect } from './dialects/dialect.ts'
import { contentBytes, toEmailRow, toPatchedColumns } from './email-rows.ts'
import { clearParts, clearSkipped, clearSkippedInFolder, recordSkipped } from './ledger.ts'
import { forgetRanges, moveRange } from './ranges.ts'
import { clearUnwalked, markUnwalked, noteWalked } from './rewalks.ts'
import type { Schema } from './schema.ts'

/**
 * What became of the items of a page: each is counted once, so that at every moment
 * listed = stored + unchanged + removed + skipped, by folder and in sum. What the end of a walk turned out to be gone
 * counts as listed and removed.
 */
export interface PageCounts {
  stored: number
  unchanged: number
  removed: number
  skipped: number
  bytes: number
  /** By how much the contents still to be fetched change. */
  attachments: number
}

interface Place {
  trx: Transaction<Schema>
  dialect: Dialect
  mailbox: MailboxKey
  lane: Lane
  now: string
}

/**
 * Stores what a page holds within the caller's transaction. Pages of several lanes may be at it at the same time: what
 * they write is theirs to the end, and of a message that two of them hold the later one writes what the earlier one left.
 */
export async function storePage(place: Place, page: PageToSave): Promise<PageCounts> {
  const { trx, dialect, mailbox, lane } = place
  const told = [...page.messages, ...page.patches].map(({ id }) => id)
  const held = await heldVersions({ ...place, db: place.trx }, told)
  refuseMoved(place, page, held)
  const stored = await storeMessages(place, page, held)
  const patched = await patchMessages(place, page)
  const arePassedOver = stored.passedOver > 0 || patched < page.patches.length
  if (arePassedOver) refuseMoved(place, page, await heldVersions({ ...place, db: place.trx }, told))
  const removed = await markRemoved(place, page)
  await recordSkipped(place, page.skipped)
  // What a range brings says nothing of what the walk came by.
  if (!page.range && (await isRewalked(place))) await noteWalked(trx, dialect, mailbox, lane.folderId, page)
  return {
    stored: stored.changed + patched,
    // Also what is told to be gone from a folder it is no longer stored in: there is nothing to do.
    unchanged:
      stored.unchanged +
      page.unchanged.length +
      (page.patches.length - patched) +
      (page.removed.length - removed.count),
    removed: removed.count,
    skipped: page.skipped.length,
    bytes: stored.bytes,
    attachments: stored.attachments + removed.attachments,
  }
}

/**
 * Moves the lane on behind a page that is stored. Answers what was marked as removed because a walk that began anew, at
 * its end, turned out not to have come by it.
 */
export async function moveLane(place: Place, page: PageToSave, counts: PageCounts): Promise<Unwalked> {
  const { trx, mailbox, lane } = place
  const { next } = page
  const unwalked = await moveWalk(place, page)
  await trx
    .updateTable('lanes')
    .set((eb) => ({
      listed: eb('listed', '+', listedOf(counts) + unwalked.count),
      stored: eb('stored', '+', counts.stored),
      unchanged: eb('unchanged', '+', counts.unchanged),
      removed: eb('removed', '+', counts.removed + unwalked.count),
      skipped: eb('skipped', '+', counts.skipped),
      ...(next && { at: next.at, link: next.at === 'start' ? null : next.link }),
      ...(next?.at === 'end' && { rewalks: 0, filling: 0, received: eb.ref('wanted') }),
    }))
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', lane.folderId)
    .execute()
  return unwalked
}

/** The sum of a page's items. */
export function listedOf({ stored, unchanged, removed, skipped }: PageCounts): number {
  return stored + unchanged + removed + skipped
}

/** Of a message that is stored: which version of it, where, and since when. */
type HeldVersion = Pick<
  Selectable<Schema['emails']>,
  'change_key' | 'parent_folder_id' | 'in_folder_since' | 'body_kept' | 'removed_at'
>

export type HeldVersions = ReadonlyMap<MessageId, HeldVersion>

/** Those of these messages that are stored. */
export async function heldVersions(
  { db, dialect, mailbox }: { db: Kysely<Schema> } & Pick<Place, 'dialect' | 'mailbox'>,
  ids: readonly MessageId[],
): Promise<HeldVersions> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom(dialect.emailsOf(mailbox, ids).as('emails'))
    .select(['id', 'change_key', 'parent_folder_id', 'in_folder_since', 'body_kept', 'removed_at'])
    .execute()
  return new Map(rows.map((row) => [row.id as MessageId, row]))
}

/** Whether it is stored as it is now, in this lane's folder and form. */
export function isHeld({ id, changeKey }: MessageVersion, lane: Lane, held: HeldVersions): boolean {
  const row = held.get(id)
  return (
    row !== undefined &&
    changeKey !== null &&
    row.change_key === changeKey &&
    row.parent_folder_id === lane.folderId &&
    row.removed_at === null &&
    keeps(row.body_kept, lane.body)
  )
}

/** Throws where messages of the page are stored in another folder by now, and came there after the page was asked for. */
function refuseMoved({ lane }: Place, { askedAt }: PageToSave, held: HeldVersions): void {
  const moved = [...held].filter(
    ([, { parent_folder_id: folder, removed_at: removed, in_folder_since: since }]) =>
      folder !== lane.folderId && removed === null && since !== null && Date.parse(since) >= askedAt,
  )
  if (moved.length > 0) throw new MovedMeanwhileError(new Set(moved.map(([id]) => id)))
}

async function storeMessages(place: Place, { messages, askedAt }: PageToSave, held: HeldVersions) {
  if (messages.length === 0) return { changed: 0, unchanged: 0, passedOver: 0, bytes: 0, attachments: 0 }
  const { trx, dialect, mailbox, lane } = place
  const stale = messages.filter((message) => !isHeld(message, lane, held))
  const rows = stale.map((message) => toEmailRow(mailbox, lane.folderId, lane.body, message, place.now))
  const isKnown = ({ id }: { id: string }) => held.has(id as MessageId)
  await dialect.insertEmails(
    trx,
    rows.filter((row) => !isKnown(row)),
  )
  const written = await dialect.upsertEmails(trx, rows.filter(isKnown), isoTime(askedAt))
  const changed = stale.filter((message) => !isKnown(message) || written.has(message.id))
  await clearSkipped(place, messages)
  const attachments = await expectContents(place, lane, changed, (id) => !held.has(id))
  return {
    changed: changed.length,
    unchanged: messages.length - changed.length,
    /** Those that another transaction has stored since we looked: they are the same by now, or have moved. */
    passedOver: stale.length - changed.length,
    bytes: changed.reduce((sum, message) => sum + contentBytes(message), 0),
    attachments,
  }
}

async function patchMessages({ trx, mailbox, lane, now }: Place, { patches, askedAt }: PageToSave): Promise<number> {
  let patched = 0
  for (const patch of patches) {
    const columns = { ...toPatchedColumns(patch), parent_folder_id: lane.folderId, removed_at: null }
    const result = await trx
      .updateTable('emails')
      .set(columns)
      .set((eb) => ({
        in_folder_since: eb
          .case()
          .when('parent_folder_id', '=', lane.folderId)
          .then(eb.ref('in_folder_since'))
          .else(now)
          .end(),
      }))
      .where('mailbox_id', '=', mailbox)
      .where('id', '=', patch.id)
      .where((eb) =>
        eb.or([
          eb('parent_folder_id', '=', lane.folderId),
          eb('removed_at', 'is not', null),
          eb('in_folder_since', 'is', null),
          eb('in_folder_since', '<', isoTime(askedAt)),
        ]),
      )
      .executeTakeFirst()
    patched += Number(result.numUpdatedRows)
  }
  return patched
}

/** Only where the message is still in this folder: one that moved was perhaps already reported by its new folder. */
async function markRemoved(place: Place, { removed }: PageToSave) {
  if (removed.length === 0) return { count: 0, attachments: 0 }
  const { trx, dialect, mailbox, lane, now } = place
  const result = await trx
    .updateTable('emails')
    .set({ removed_at: now })
    .where('mailbox_id', '=', mailbox)
    .where(dialect.oneOf('id', removed))
    .where('parent_folder_id', '=', lane.folderId)
    .where('removed_at', 'is', null)
    .executeTakeFirst()
  // After the rows are marked: a message that is still stored in another folder keeps what it waits for.
  const gone = await goneOf(place, removed)
  const attachments = await withdrawContents(place, gone)
  await clearSkippedInFolder(place, removed)
  await clearParts(place, gone)
  return { count: Number(result.numUpdatedRows), attachments }
}

async function goneOf({ trx, dialect, mailbox }: Place, ids: readonly MessageId[]): Promise<MessageId[]> {
  const rows = await trx
    .selectFrom(dialect.emailsOf(mailbox, ids).as('emails'))
    .select('id')
    .where('removed_at', 'is not', null)
    .execute()
  return rows.map((row) => row.id as MessageId)
}

async function isRewalked({ trx, mailbox, lane }: Place): Promise<boolean> {
  const { rewalks } = await trx
    .selectFrom('lanes')
    .select('rewalks')
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', lane.folderId)
    .executeTakeFirstOrThrow()
  return Boolean(rewalks)
}

/** Writes down how far ranges have come, and at the end of a walk that began anew what it has not come by. */
async function moveWalk(place: Place, page: PageToSave): Promise<Unwalked> {
  const { trx, mailbox, lane, now } = place
  if (page.range) await moveRange(trx, mailbox, lane.folderId, page.range)
  if (page.next?.at !== 'end' || !(await isRewalked(place))) return NONE_UNWALKED
  if (lane.filling) await forgetRanges(trx, mailbox, lane.folderId)
  const count = page.isToldApart ? 0 : await markUnwalked(trx, mailbox, lane.folderId, now)
  await clearUnwalked(trx, mailbox, lane.folderId)
  return { count, attachments: count === 0 ? 0 : await withdrawRemoved(trx, mailbox), isNoted: true }
}

interface Unwalked {
  count: number
  /** As in PageCounts. */
  attachments: number
  /** What the walk came by was noted, and has served. */
  isNoted: boolean
}

const NONE_UNWALKED: Unwalked = { count: 0, attachments: 0, isNoted: false }

/** True where mail kept as `kept` has all that `wanted` asks for. */
function keeps(kept: string, wanted: BodyOption): boolean {
  return kept === wanted || kept === 'both'
}
