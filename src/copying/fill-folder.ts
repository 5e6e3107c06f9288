import { type Checkpoint, START, USUAL_WAY, type Way } from './checkpoint.ts'
import { readInParts } from './complete-page.ts'
import { type CopyContext, NOTHING, savePart } from './copy-context.ts'
import { lanePages } from './lane-pages.ts'
import { CheckpointExpiredError, NoChangeTrackingError, RangesRefusedError } from './mailbox.ts'
import type { MessageId } from './message.ts'
import type { Lane } from './message-store.ts'
import { Ranges } from './ranges.ts'
import type { ReceivedRange } from './received-range.ts'
import { secondsOf, timeOf } from './received-range.ts'
import { endTellingApart } from './tell-apart.ts'
import { together } from './together.ts'
import { walkRanges } from './walk-ranges.ts'

/** As many as Graph serves at once. One of them begins with the walk by ids. */
const WALKERS = 4

/**
 * Reads a large folder for the first time. One walk would be one long chain, in which every page waits for the one before, and
 * three of the four requests that Graph serves at once would not be made. So ranges of received times are read side by side.
 * Mail arrives, moves and goes meanwhile, and some has no time: therefore a walk that asks for ids only notes beside them what
 * the folder holds, what the ranges did not bring of it is read message by message in the end, and the walk's last link
 * serves the next run.
 */
export async function fillFolder(lane: Lane, context: CopyContext): Promise<Lane> {
  const { claim, mailboxKey, store } = context
  const begun = lane.filling
    ? { lane, ranges: await store.openRanges(mailboxKey, lane.folderId) }
    : await begin(lane, context)
  if (!begun) return lane

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
  await readUnfilled(begun.lane, context)
  return endTellingApart(begun.lane, end, context)
}

/** Undefined where the folder cannot be read by ranges. */
async function begin(lane: Lane, { claim, mailbox, mailboxKey, store }: CopyContext) {
  try {
    const bounds = await mailbox.receivedBounds(lane.folderId)
    if (!bounds) return undefined
    const ranges = evenRanges(secondsOf(bounds.oldest), secondsOf(bounds.newest) + 1)
    return { lane: await store.beginFill(claim, mailboxKey, lane, ranges), ranges }
  } catch (error) {
    if (error instanceof RangesRefusedError) return undefined
    throw error
  }
}

/** Of the same length: where mail is dense is not known yet, and the ranges that turn out long are split later. */
function evenRanges(from: number, before: number): ReceivedRange[] {
  const count = Math.min(WALKERS, before - from)
  const edge = (number: number) => timeOf(from + Math.round(((before - from) * number) / count))
  return Array.from({ length: count }, (_, index) => {
    const number = count - 1 - index // the newest first
    return { number, from: edge(number), before: edge(number + 1), link: null }
  })
}

/** Walks by ids and notes what there is; the last checkpoint is left to whoever ends the fill. */
async function noteMessages(lane: Lane, context: CopyContext): Promise<Checkpoint> {
  const { claim, mailboxKey, store } = context
  for (let current = lane; ; current = { ...current, checkpoint: START }) {
    try {
      let { checkpoint } = current
      for await (const { versions, removed, next } of lanePages(current, context)) {
        checkpoint = next
        await savePart(
          current,
          { ...NOTHING, removed, noted: versions, next: next.at === 'page' ? next : undefined },
          context,
        )
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

/** Mail without a time, mail that came or changed meanwhile, and what broke its page. */
async function readUnfilled(lane: Lane, context: CopyContext): Promise<void> {
  const { mailboxKey, store } = context
  let after: MessageId | undefined
  for (;;) {
    const { ids, last } = await store.unfilledMessages(mailboxKey, lane, after)
    if (last === undefined) return
    after = last
    for await (const part of readInParts(ids, lane, context, undefined)) await savePart(lane, part, context)
  }
}
