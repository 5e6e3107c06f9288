import type { Transaction } from 'kysely'
import { type Checkpoint, START, USUAL_WAY } from '../copying/checkpoint.ts'
import type { FolderId } from '../copying/mailbox.ts'
import type { Lane, LanePlan, MailboxKey } from '../copying/message-store.ts'
import { differenceOf, type Spans, unionOf } from '../copying/spans.ts'
import type { Claim } from '../extractions/extraction.ts'
import type { BodyOption } from '../extractions/options.ts'
import type { Dialect } from './dialects/dialect.ts'
import { toJson } from './json.ts'
import { forgetRanges, openRanges } from './ranges.ts'
import { forgetWalked } from './rewalks.ts'
import type { LanesTable, Schema } from './schema.ts'

/** Opens a lane for each chosen folder, and says what the run has before it. */
export async function openLanes(
  trx: Transaction<Schema>,
  dialect: Dialect,
  { extractionId }: Claim,
  mailbox: MailboxKey,
  { folders, chosen, body, attachments, mime, receivedAfter, receivedBefore }: LanePlan,
) {
  const received = { from: receivedAfter, before: receivedBefore }
  const known = await trx
    .selectFrom('lanes')
    .selectAll()
    .where('mailbox_id', '=', mailbox)
    .where(dialect.oneOf('folder_id', chosen))
    .execute()
  const lanesByFolder = new Map(known.map((lane) => [lane.folder_id, lane]))
  const expectedByFolder = new Map(folders.map((folder) => [folder.id, folder.totalItemCount]))

  const rows = chosen.map((folderId) => {
    const lane = lanesByFolder.get(folderId)
    const going = lane?.extraction_id === extractionId // a run that goes on keeps what it counted
    const kept = lane ? bothOf(lane.body as BodyOption, body) : body
    const widened = lane !== undefined && kept !== lane.body // mail stored in another form is fetched again
    // A listing leaves nothing to go on from: a new run tries whether changes are tracked by now.
    const listed = lane?.source === 'list' && !going
    const anew = widened || listed
    return {
      mailbox_id: mailbox,
      folder_id: folderId,
      body: kept,
      attachments,
      mime: Number(mime),
      source: listed ? 'delta' : (lane?.source ?? USUAL_WAY.source),
      content: listed ? 'ids' : widened ? USUAL_WAY.content : (lane?.content ?? USUAL_WAY.content),
      at: lane && !anew ? lane.at : START.at,
      link: lane && !anew ? lane.link : null,
      rewalks: anew ? 1 : (lane?.rewalks ?? 0),
      filling: anew ? 0 : (lane?.filling ?? 0),
      received: lane?.received ?? toJson([]),
      // Where something else is wanted now, a fill has to begin; until then the walk, if there is one, is of what it was.
      wanted: lane && !isUntouched(lane) ? lane.wanted : toJson(unionOf(toSpans(lane?.received), [received])),
      extraction_id: extractionId,
      done: going && !anew ? lane.done : 0,
      expected: going ? lane.expected : (expectedByFolder.get(folderId) ?? 0),
      listed_by_graph: going ? lane.listed_by_graph : null,
      listed: going ? lane.listed : 0,
      stored: going ? lane.stored : 0,
      unchanged: going ? lane.unchanged : 0,
      removed: going ? lane.removed : 0,
      skipped: going ? lane.skipped : 0,
    } satisfies LanesTable
  })
  for (const row of rows) {
    if (row.rewalks && row.at === 'start') await forgetWalked(trx, mailbox, row.folder_id)
    if (lanesByFolder.get(row.folder_id)?.filling && !row.filling)
      await forgetRanges(trx, mailbox, row.folder_id as FolderId)
    await trx
      .insertInto('lanes')
      .values(row)
      .onConflict((conflict) => conflict.columns(['mailbox_id', 'folder_id']).doUpdateSet(row))
      .execute()
  }

  const lanes = await Promise.all(
    rows.map(async (row) => {
      const lane = toLane(row)
      const kept = toSpans(row.received)
      const wanted = unionOf(kept, [received])
      if (toJson(wanted) === row.wanted) return lane
      const filled = row.filling ? differenceOf(lane.received, await openRanges(trx, mailbox, lane.folderId)) : []
      return { ...lane, received: wanted, gaps: differenceOf(wanted, unionOf(kept, filled)) }
    }),
  )
  const progress = {
    folders_total: rows.length,
    folders_done: rows.filter((row) => row.done === 1).length,
    messages_total: rows.reduce((sum, row) => sum + row.expected, 0),
    messages_covered: rows.reduce((sum, row) => sum + (row.done ? Math.max(row.expected, row.listed) : row.listed), 0),
  }
  return { lanes, progress }
}

/** Writes down what is expected of a lane now that it was counted; answers by how much that is more. */
export async function expectInstead(
  trx: Transaction<Schema>,
  mailbox: MailboxKey,
  { folderId, expected }: Lane,
): Promise<number> {
  const before = await trx
    .selectFrom('lanes')
    .select('expected')
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', folderId)
    .executeTakeFirstOrThrow()
  await trx
    .updateTable('lanes')
    .set({ expected })
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', folderId)
    .execute()
  return expected - before.expected
}

/** Ends the lane for this run; answers how much of the expected work was not met, so that progress passes over it. */
export async function closeLane(
  trx: Transaction<Schema>,
  mailbox: MailboxKey,
  folder: FolderId,
  listedByGraph: number | null,
): Promise<number> {
  const lane = await trx
    .updateTable('lanes')
    .set({ done: 1, listed_by_graph: listedByGraph })
    .where('mailbox_id', '=', mailbox)
    .where('folder_id', '=', folder)
    .returning(['expected', 'listed'])
    .executeTakeFirstOrThrow()
  return Math.max(0, lane.expected - lane.listed)
}

/** Nobody has begun to walk it, so it may be of any mail. */
function isUntouched({ at, filling, rewalks }: LanesTable): boolean {
  return at === 'start' && !filling && !rewalks
}

function toSpans(json: string | undefined): Spans {
  return json === undefined ? [] : (JSON.parse(json) as Spans)
}

export function toLane(row: LanesTable): Lane {
  return {
    folderId: row.folder_id as FolderId,
    checkpoint: toCheckpoint(row),
    body: row.body as BodyOption,
    attachments: row.attachments,
    mime: row.mime === 1,
    way: { source: row.source, content: row.content },
    received: toSpans(row.wanted),
    gaps: undefined,
    filling: row.filling === 1,
    expected: row.expected,
    done: row.done === 1,
  }
}

function toCheckpoint({ at, link }: Pick<LanesTable, 'at' | 'link'>): Checkpoint {
  if (at === 'start' || link === null) return START
  return { at, link }
}

function bothOf(one: BodyOption, other: BodyOption): BodyOption {
  return one === other ? one : 'both'
}
