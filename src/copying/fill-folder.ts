import { type Checkpoint, START, USUAL_WAY, type Way } from './checkpoint.ts'
import { readInParts } from './complete-page.ts'
import { type CopyContext, NOTHING } from './copy-context.ts'
import { lanePages } from './lane-pages.ts'
import {
  CheckpointExpiredError,
  FolderGoneError,
  type Mailbox,
  NoChangeTrackingError,
  RangesRefusedError,
} from './mailbox.ts'
import type { MessageId } from './message.ts'
import type { Lane } from './message-store.ts'
import { Ranges } from './ranges.ts'
import type { ReceivedRange } from './received-range.ts'
import { secondsOf, timeOf } from './received-range.ts'
import { savePart } from './save-part.ts'
import { type Edges, EVERYTHING, edgesWithin, isEverything, type Spans } from './spans.ts'
import { endTellingApart, endWalk } from './tell-apart.ts'
import { together } from './together.ts'
import { walkRanges } from './walk-ranges.ts'
import { wantedOf } from './wanted.ts'

/** Below it the requests that ranges cost besides would not come back: a page holds 100 messages and more. */
export const LARGE_FOLDER = 4_000

/** So many come on one page or two, and where the oldest and the newest of them lie need not be asked. */
const FEW_MESSAGES = 100

/** The least and the most time that Graph knows: the zero of FILETIME, and the end of the year 9999. */
const BEGINNING = secondsOf('1601-01-01T00:00:00Z')
const END = secondsOf('9999-12-31T23:59:59Z')

/** As many as Graph serves at once. One of them begins with the walk by ids. */
const WALKERS = 4

/**
 * Reads a large folder for the first time, or what was received within these times. One walk would be one long chain, in
 * which every page waits for the one before, and three of the four requests that Graph serves at once would not be made. So
 * ranges of received times are read side by side. Mail arrives, moves and goes meanwhile, and some has no time: therefore a
 * walk that asks for ids only notes beside them what the folder holds, what the ranges did not bring of it is read message
 * by message in the end, and the walk's last link serves the next run.
 * @param gaps where the fill is to begin; undefined where it goes on
 */
export async function fillFolder(lane: Lane, gaps: Spans | undefined, context: CopyContext): Promise<Lane> {
  const { claim, mailboxKey, store } = context
  const begun = gaps
    ? await begin(lane, gaps, context)
    : { lane, ranges: await store.openRanges(mailboxKey, lane.folderId) }
  if (!begun) return isEverything(lane.received) ? lane : store.abandonFill(claim, mailboxKey, lane, USUAL_WAY)

  const ending = new AbortController()
  const inner = { ...context, ending, signal: AbortSignal.any([context.signal, ending.signal]) }
  const ranges = new Ranges(begun.ranges)
  let end: Checkpoint = START
  try {
    await together(ending, [
      async () => {
        end = await noteMessages(begun.lane, inner)
        await walkRanges(ranges, begun.lane, inner)
      },
      ...Array.from({ length: WALKERS - 1 }, () => () => walkRanges(ranges, begun.lane, inner)),
    ])
  } catch (error) {
    const way = wayWithoutRanges(error)
    if (!way) throw error
    return store.abandonFill(claim, mailboxKey, begun.lane, way)
  }
  // Counted first: what other folders find meanwhile can only be taken out of this one, so the two are not equal by chance.
  const { stored } = await store.countFolder(mailboxKey, lane.folderId, EVERYTHING)
  const { walked } = await readUnfilled(begun.lane, context)
  return walked === stored ? endWalk(begun.lane, end, context) : endTellingApart(begun.lane, end, context)
}

/** Undefined where the folder cannot be read by ranges. */
async function begin(lane: Lane, gaps: Spans, { claim, mailbox, mailboxKey, store }: CopyContext) {
  try {
    // For progress as well: where only some times are wanted, the folder listing counts too much.
    const expected = isEverything(gaps) ? lane.expected : await mailbox.countMessages(lane.folderId, gaps)
    if (expected === undefined) throw new FolderGoneError('The folder was deleted before it was read')
    const edges = await edgesToRead(lane, gaps, expected, mailbox)
    if (!edges) return undefined
    const ranges = toRanges(edges, expected < LARGE_FOLDER ? 1 : WALKERS)
    return { lane: await store.beginFill(claim, mailboxKey, { ...lane, expected }, ranges), ranges }
  } catch (error) {
    if (error instanceof RangesRefusedError) return undefined
    throw error
  }
}

/** Undefined where the folder has no mail with a time, which a walk reads as well. */
async function edgesToRead(
  { folderId, received }: Lane,
  gaps: Spans,
  expected: number,
  mailbox: Mailbox,
): Promise<Edges[] | undefined> {
  if (expected === 0) return []
  if (expected <= FEW_MESSAGES) return edgesWithin(gaps, BEGINNING, END)
  const bounds = await mailbox.receivedBounds(folderId)
  if (bounds) return edgesWithin(gaps, secondsOf(bounds.oldest), secondsOf(bounds.newest) + 1)
  return isEverything(received) ? undefined : []
}

/** Of the same length: where mail is dense is not known yet, and the ranges that turn out long are split later. */
function toRanges(stretches: readonly Edges[], count: number): ReceivedRange[] {
  const seconds = stretches.reduce((sum, { low, high }) => sum + high - low, 0)
  const ranges = stretches.flatMap(({ low, high }) => {
    const parts = Math.min(Math.max(1, Math.round((count * (high - low)) / seconds)), high - low)
    const edge = (part: number) => timeOf(low + Math.round(((high - low) * part) / parts))
    return Array.from({ length: parts }, (_, part) => ({ from: edge(part), before: edge(part + 1), link: null }))
  })
  return ranges.map((range, number) => ({ number, ...range }))
}

/** Walks by ids and notes what there is; the last checkpoint is left to whoever ends the fill. */
async function noteMessages(lane: Lane, context: CopyContext): Promise<Checkpoint> {
  const { claim, mailboxKey, store } = context
  for (let current = lane; ; current = { ...current, checkpoint: START }) {
    try {
      let { checkpoint } = current
      for await (const { versions, removed, next } of lanePages(current, context)) {
        checkpoint = next
        const noted = await wantedOf(versions, current, context)
        await savePart(current, { ...NOTHING, removed, noted, next: next.at === 'page' ? next : undefined }, context)
      }
      return checkpoint
    } catch (error) {
      if (!(error instanceof CheckpointExpiredError)) throw error // a mailbox lets it come only so often
      await store.restartLane(claim, mailboxKey, current.folderId, current.way)
    }
  }
}

function wayWithoutRanges(error: unknown): Way | undefined {
  if (error instanceof RangesRefusedError) return USUAL_WAY
  return error instanceof NoChangeTrackingError ? { source: 'list', content: 'whole' } : undefined
}

/**
 * Mail without a time, mail that came or changed meanwhile, and what broke its page. Answers how many messages that were
 * stored in the folder before are among those that the walk came by.
 */
async function readUnfilled(lane: Lane, context: CopyContext): Promise<{ walked: number }> {
  const { mailboxKey, store } = context
  let walked = 0
  let after: MessageId | undefined
  for (;;) {
    const { ids, stored, last } = await store.unfilledMessages(mailboxKey, lane, after)
    if (last === undefined) return { walked }
    after = last
    walked += stored
    for await (const part of readInParts(ids, lane, context, undefined)) await savePart(lane, part, context)
  }
}
