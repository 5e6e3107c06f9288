import { type Answer, badRequest, GraphError, text } from './answer.ts'
import { attachmentExpander } from './attachment-routes.ts'
import type { Folder } from './folder.ts'
import { nextLink } from './folder-routes.ts'
import type { MailContext } from './graph-request.ts'
import type { StoredMessage } from './mailbox.ts'
import { type MessageQuery, readMessageQuery, valueAt } from './message-filter.ts'
import { MESSAGE_PROPERTIES, messageJson } from './message-json.ts'
import { atEndOf, type MessageSequence } from './message-sequence.ts'
import { passes, propertiesOf } from './odata-filter.ts'
import { pageAnswer, shapedSize } from './page.ts'
import { failOnPoison, rendersBody } from './poison.ts'
import { appliedPreferences } from './prefer.ts'
import { preparedPage } from './prepared-pages.ts'
import { allowOptions, flagOption, option, pageSize, selected, wholeNumber } from './query-options.ts'

const LIST_OPTIONS = ['$count', '$expand', '$filter', '$orderby', '$search', '$select', '$skip', '$top']
// Sorting by anything but the date needs all keys at once.
const MOST_TO_SORT = 50_000
const NOT_SORTABLE = [
  'body',
  'uniquebody',
  'bodypreview',
  'torecipients',
  'ccrecipients',
  'bccrecipients',
  'replyto',
  'flag',
  'categories',
]

/** `/users/{id}/messages` and `/mailFolders/{id}/messages`. */
export function listMessages(context: MailContext, folder: Folder | undefined): Answer {
  const { mailbox, request, prefer, base, user } = context
  const { query } = request
  allowOptions(query, LIST_OPTIONS)
  if (option(query, '$search') !== undefined)
    throw new GraphError(501, 'NotImplemented', 'The simulator does not search.')
  const select = selected(query, MESSAGE_PROPERTIES, 'message')
  const style = { select, immutableIds: prefer.immutableIds, bodyType: prefer.bodyType, delta: false }
  const selection = selectionOf(context, folder)
  const skip = wholeNumber(query, '$skip') ?? 0
  const size = pageSize(wholeNumber(query, '$top'), prefer.maxPageSize)
  const limit = shapedSize(context, size)
  const page = {
    context: `${base}/$metadata#users('${user.id}')/${folder ? `mailFolders('${mailbox.ids.folder(folder.number)}')/` : ''}messages${select ? `(${select.join(',')})` : ''}`,
    headers: appliedPreferences(prefer, true),
    count: flagOption(query, '$count') ? selection.length() : undefined,
  }
  const hasBodies = rendersBody(select)
  if (folder && selection.stretch) {
    const { from, until } = selection.stretch
    const prepared = preparedPage(context, {
      folder,
      style,
      position: from + skip,
      size: limit,
      until,
      page,
      hasBodies,
      next: (end) => ({ nextLink: nextLink(context, end - from) }),
    })
    if (prepared) return prepared
  }
  const messages: StoredMessage[] = []
  let more = false
  for (const message of selection.from(skip)) {
    more = messages.length === limit
    if (more) break
    messages.push(message)
  }
  failOnPoison(context, messages, select)
  const expand = attachmentExpander(context)
  const items = messages.map((message) => ({ ...messageJson(mailbox, message, style), ...expand?.(message) }))
  // A page that a fault has emptied leads on to the same place.
  return pageAnswer(context, {
    ...page,
    items,
    nextLink: more ? nextLink(context, skip + items.length) : undefined,
    hasBodies,
  })
}

export function countMessages(context: MailContext, folder: Folder | undefined): Answer {
  allowOptions(context.request.query, ['$filter', '$search'])
  return text(String(selectionOf(context, folder).length()), 'text/plain')
}

interface Selection {
  /** Where it is a stretch of the folder, newest first: the positions there. */
  stretch: { from: number; until: number } | undefined
  length(): number
  from(position: number): Generator<StoredMessage>
}

function selectionOf({ mailbox, request }: MailContext, folder: Folder | undefined): Selection {
  const sequence = folder ? mailbox.messagesOf(folder) : mailbox.allMessages()
  const query = readMessageQuery(option(request.query, '$filter'), option(request.query, '$orderby'))
  const { rest, order } = query
  for (const property of rest ? propertiesOf(rest) : []) knownProperty(property)
  if (order) knownProperty(order.property)
  const byDate = order === undefined || order.property.toLowerCase() === 'receiveddatetime'
  const [start, end] = windowIn(sequence, query)
  const read = (keys: Iterable<number>) => storedMessages(mailbox, keys)

  if (byDate && !rest) {
    const ascending = order?.descending === false
    return {
      stretch: ascending ? undefined : { from: start, until: end },
      length: () => end - start,
      *from(position) {
        const keys = ascending
          ? sequence.keysFromOldest(sequence.length - end + position)
          : sequence.keysFrom(start + position)
        yield* read(first(keys, end - start - position))
      },
    }
  }
  function* matching(): Generator<StoredMessage> {
    const keys =
      order?.descending === false && byDate ? sequence.keysFromOldest(sequence.length - end) : sequence.keysFrom(start)
    for (const message of read(first(keys, end - start))) {
      if (!rest || passes(rest, (property) => valueIn(mailbox, message, property))) yield message
    }
  }
  function sorted(): Iterable<StoredMessage> {
    if (byDate || !order) return matching()
    if (end - start > MOST_TO_SORT)
      throw new GraphError(400, 'InefficientFilter', 'The restriction or sort order is too complex for this operation.')
    const keyed = [...matching()].map((message) => ({
      message,
      value: valueIn(mailbox, message, order.property) ?? null,
    }))
    keyed.sort((one, other) => compareValues(one.value, other.value) * (order.descending ? -1 : 1))
    return keyed.map(({ message }) => message)
  }
  return {
    stretch: undefined,
    length: () => [...matching()].length,
    *from(position) {
      let place = 0
      for (const message of sorted()) if (place++ >= position) yield message
    },
  }
}

function windowIn(sequence: MessageSequence, { window }: MessageQuery): [start: number, end: number] {
  if (!window) return [0, sequence.length]
  // Without a lower bound mail that has no date still fails the comparison.
  const end = sequence.countBefore(atEndOf(window.from ?? 0))
  const start = window.before === undefined ? 0 : sequence.countBefore(atEndOf(window.before))
  return [Math.min(start, end), end]
}

function* storedMessages(mailbox: MailContext['mailbox'], keys: Iterable<number>): Generator<StoredMessage> {
  for (const key of keys) {
    const message = mailbox.message(key)
    if (message) yield message
  }
}

function* first(keys: Generator<number>, count: number): Generator<number> {
  let left = count
  for (const key of keys) {
    if (left-- <= 0) return
    yield key
  }
}

function valueIn(mailbox: MailContext['mailbox'], message: StoredMessage, path: string) {
  const name = MESSAGE_PROPERTIES.find((property) => property.toLowerCase() === path.split('/')[0]?.toLowerCase())
  return (
    name &&
    valueAt(
      messageJson(mailbox, message, { select: [name], immutableIds: true, bodyType: undefined, delta: false }),
      path,
    )
  )
}

function knownProperty(path: string): void {
  const name = path.split('/')[0]?.toLowerCase() ?? ''
  if (!MESSAGE_PROPERTIES.some((property) => property.toLowerCase() === name)) {
    throw badRequest(`Could not find a property named '${path}' on type 'microsoft.graph.message'.`)
  }
  if (NOT_SORTABLE.includes(name) && !path.includes('/'))
    throw badRequest('The filter or order is not supported on this property.', 'ErrorInvalidUrlQueryFilter')
}

function compareValues(one: unknown, other: unknown): number {
  const [left, right] = [one, other].map((value) => (value instanceof Date ? value.getTime() : value))
  if (left === right) return 0
  if (left === null || left === undefined) return -1
  if (right === null || right === undefined) return 1
  return left < right ? -1 : 1
}
