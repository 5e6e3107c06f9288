import { type RangePage, RangesRefusedError, type Received } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import { type ReceivedRange, type RestOfRange, secondsOf, timeOf } from '../copying/received-range.ts'
import type { Span } from '../copying/spans.ts'
import { BrokenAnswerError } from './failure.ts'
import type { GraphUrl } from './graph-url.ts'
import { readMessagePage } from './message-page.ts'
import { itemsOf } from './read-collection.ts'
import type { WireMessage } from './wire.ts'

/** The least time that Exchange knows: the zero of FILETIME. */
const BEGINNING = '1601-01-01T00:00:00Z'

/** A page of a range that was asked for by `rangeQuery`, or by the link of the range. */
export function readRangePage(
  json: unknown,
  graphUrl: GraphUrl,
  range: ReceivedRange,
): Omit<RangePage, 'bytes'> & { itemCount: number } {
  const { page, itemCount } = readMessagePage(
    json,
    graphUrl,
    { source: 'list', content: 'whole' },
    range.link ?? undefined,
  )
  // With Mail.ReadBasic alone Graph leaves bodies out, silently. The usual walk finds that at its first message, and says so.
  if (page.messages.length === 0 && page.incomplete.length > 0)
    throw new RangesRefusedError('Messages come without bodies')
  const times = page.messages.map(({ receivedDateTime }) => receivedDateTime)
  const rest = page.next.at === 'page' ? restBehind(times, range, page.next.link) : undefined
  return { messages: page.messages, rest, itemCount }
}

/**
 * The next page begins with the last second of this one once more, since that may hold more: links of a filtered list
 * count positions, which move. Only within a second that fills a page its link leads on.
 */
function restBehind(times: readonly (string | null)[], { before }: ReceivedRange, link: string): RestOfRange {
  const seconds = times.map((time) => (time === null ? Number.NaN : secondsOf(time)))
  // By a list that is not in order nobody can go on from the last time.
  const isOrdered = seconds.every((second, index) => index === 0 || second <= (seconds[index - 1] ?? 0))
  if (!isOrdered) throw new RangesRefusedError('A range is not in the order that was asked for')
  const last = seconds.at(-1)
  if (last === undefined || last + 1 >= secondsOf(before)) return { before, link }
  return { before: timeOf(last + 1), link: null }
}

/** Graph wants what is sorted by to be filtered by, first (list messages, "Using filter and orderby in the same query"). */
export function rangeQuery({ from, before }: Pick<ReceivedRange, 'from' | 'before'>): string {
  return query(`receivedDateTime ge ${from} and receivedDateTime lt ${before}`, 'desc')
}

export function boundQuery(end: 'oldest' | 'newest'): string {
  return query(`receivedDateTime ge ${BEGINNING}`, end === 'oldest' ? 'asc' : 'desc')
}

/** Of a count, which is in no order. */
export function spanQuery({ from, before }: Span): string {
  const bounds = [...(from === null ? [] : [`ge ${from}`]), ...(before === null ? [] : [`lt ${before}`])]
  return filterQuery(bounds.map((bound) => `receivedDateTime ${bound}`).join(' and '))
}

function filterQuery(filter: string): string {
  return `$filter=${encodeURIComponent(filter)}`
}

function query(filter: string, order: 'asc' | 'desc'): string {
  return `${filterQuery(filter)}&$orderby=${encodeURIComponent(`receivedDateTime ${order}`)}`
}

/** The messages of a list that is asked for ids and times only. */
export function readReceived(json: unknown): Received[] {
  return itemsOf<WireMessage>(json).map(({ id, receivedDateTime }) => {
    if (typeof receivedDateTime !== 'string' || Number.isNaN(Date.parse(receivedDateTime))) {
      throw new BrokenAnswerError('A message that was chosen by its time has none')
    }
    return { id: id as MessageId, receivedDateTime }
  })
}
