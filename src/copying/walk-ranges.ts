import { keptBody } from './body.ts'
import { readInParts } from './complete-page.ts'
import { type CopyContext, NOTHING } from './copy-context.ts'
import { type RangePage, type Received, UnreadablePageError } from './mailbox.ts'
import type { MessageId } from './message.ts'
import type { Lane } from './message-store.ts'
import type { Ranges, WalkedRange } from './ranges.ts'
import { type ReadPage, readAhead } from './read-ahead.ts'
import { type ReceivedRange, type RestOfRange, secondsOf, timeOf } from './received-range.ts'
import { savePart } from './save-part.ts'

/** Somewhat more than the smallest page that is asked for of a range. */
const READ_ONE_BY_ONE = 30

/** Reads range after range, until no work is left that could be shared. */
export async function walkRanges(ranges: Ranges, lane: Lane, context: CopyContext): Promise<void> {
  const { claim, mailboxKey, store } = context
  for (let taken = ranges.take(); taken; taken = ranges.take()) {
    const { walked, split } = taken
    if (split) await store.splitRange(claim, mailboxKey, lane.folderId, split, walked.range)
    while (await walkRange(walked, ranges, lane, context)) {
      // a message that breaks every page it is on was stepped over
    }
  }
}

/** Answers whether there is more, behind a message that broke its page. */
async function walkRange(walked: WalkedRange, ranges: Ranges, lane: Lane, context: CopyContext): Promise<boolean> {
  const { mailbox, unsaved, clock, signal } = context
  const { range } = walked
  // NOTE: looked at when a page is there: meanwhile the older part may have been given to another walker.
  const within = (rest: RestOfRange | undefined) =>
    rest && secondsOf(rest.before) > secondsOf(range.from) ? rest : undefined
  const read = async (asked: RestOfRange): Promise<ReadPage<RestOfRange, RangePage & { askedAt: number }>> => {
    const askedAt = clock.now()
    const page = await mailbox.readRange(lane.folderId, { ...range, ...asked }, ranges.ask(walked))
    const rest = within(page.rest)
    ranges.advance(walked, rest, page.messages.length)
    return { page: { ...page, askedAt }, rest }
  }
  let seen = new Set<MessageId>()
  try {
    for await (const page of readAhead({ before: range.before, link: range.link }, read, unsaved, signal)) {
      const messages = page.messages.filter(({ id }) => !seen.has(id)).map((message) => keptBody(message, lane.body))
      seen = new Set(page.messages.map(({ id }) => id))
      const { askedAt } = page
      const moved = { number: range.number, rest: within(page.rest) }
      await savePart(lane, { ...NOTHING, messages, range: moved, askedAt }, context)
    }
    return false
  } catch (error) {
    if (!(error instanceof UnreadablePageError)) throw error
    return stepOver(walked, ranges, lane, context)
  }
}

/** A message breaks the page, even a small one: those that are next are named, and read one by one. */
async function stepOver(walked: WalkedRange, ranges: Ranges, lane: Lane, context: CopyContext): Promise<boolean> {
  const { range } = walked
  const { number } = range
  const newest = await context.mailbox.newestIn(lane.folderId, range, READ_ONE_BY_ONE)
  const ids = newest.map(({ id }) => id)
  const fresh = ids.filter((id) => !walked.readSingly.has(id))
  walked.readSingly = new Set(ids)
  const unmoved = { number, rest: { before: range.before, link: range.link } }
  for await (const part of readInParts(fresh, lane, context, undefined)) {
    await savePart(lane, { ...part, range: unmoved }, context)
  }
  const rest = behind(range, newest)
  ranges.advance(walked, rest, newest.length)
  await savePart(lane, { ...NOTHING, range: { number, rest } }, context)
  return rest !== undefined
}

/** What is left behind these; what else is of a second that they do not get over is left to the walk by ids. */
function behind({ from, before }: ReceivedRange, newest: readonly Received[]): RestOfRange | undefined {
  const last = newest.at(-1)
  if (!last) return undefined
  const second = Math.min(secondsOf(last.receivedDateTime) + 1, secondsOf(before) - 1)
  return second > secondsOf(from) ? { before: timeOf(second), link: null } : undefined
}
