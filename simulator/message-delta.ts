import { type Answer, badRequest, GraphError } from './answer.ts'
import { checksummed, type DeltaState, readChecksummed } from './delta-token.ts'
import type { Change, Folder } from './folder.ts'
import type { MailContext } from './graph-request.ts'
import type { StoredMessage } from './mailbox.ts'
import { readMessageQuery } from './message-filter.ts'
import { MESSAGE_PROPERTIES, type MessageStyle, messageJson, readStateJson, removedJson } from './message-json.ts'
import { type Page, pageAnswer, shapedSize } from './page.ts'
import { failOnPoison, rendersBody } from './poison.ts'
import { appliedPreferences } from './prefer.ts'
import { preparedPage } from './prepared-pages.ts'
import { allowOptions, option, pageSize, selected, wholeNumber } from './query-options.ts'

const FIRST_OPTIONS = ['$select', '$expand', '$top', '$filter', '$orderby']
// With a filter a round gives at most so many (message: delta, "Use $filter").
const MOST_WHEN_FILTERED = 5000

/** One page of a folder's change tracking. */
export function messageDelta(context: MailContext, folder: Folder): Answer {
  const { query } = context.request
  const token = option(query, '$skiptoken') ?? (option(query, '$deltatoken') || undefined)
  const state = token === undefined ? firstState(context, folder) : readToken(token, context, folder)
  return state.walked === undefined ? changePage(context, folder, state) : walkPage(context, folder, state)
}

function firstState({ mailbox, request }: MailContext, folder: Folder): DeltaState {
  const { query } = request
  allowOptions(query, [...FIRST_OPTIONS, '$deltatoken'])
  const select = selected(query, MESSAGE_PROPERTIES, 'message')
  const top = wholeNumber(query, '$top')
  const since = sinceOf(option(query, '$filter'))
  const order = option(query, '$orderby')
  if (order !== undefined && !/^receivedDateTime\s+desc$/i.test(order.trim()))
    throw badRequest('Only $orderby=receivedDateTime desc is supported with change tracking.')
  const changeType = option(query, 'changeType')
  if (changeType !== undefined && !['created', 'updated', 'deleted'].includes(changeType))
    throw badRequest(`Invalid changeType '${changeType}'.`)
  return {
    folder: folder.number,
    generation: folder.generation,
    sequence: mailbox.sequence,
    walked: null,
    told: 0,
    ...(select && { select }),
    ...(since !== undefined && { since }),
    ...(top !== undefined && { top }),
    ...(changeType !== undefined && { changeType }),
  }
}

function sinceOf(filter: string | undefined): number | undefined {
  if (filter === undefined) return undefined
  const { window, rest } = readMessageQuery(filter, undefined)
  if (rest || !window || window.before !== undefined || window.from === undefined) {
    throw badRequest('Change tracking supports only $filter=receivedDateTime ge or gt.', 'ErrorInvalidUrlQueryFilter')
  }
  return window.from
}

function readToken(token: string, context: MailContext, folder: Folder): DeltaState {
  const state = readChecksummed<DeltaState>(token)
  if (state.folder !== folder.number) throw badRequest('Badly formed token.')
  if (state.generation !== folder.generation) throw deadToken(context, folder, state)
  return state
}

function deadToken(context: MailContext, folder: Folder, { generation, select }: DeltaState): GraphError {
  const lost = `The sync state generation is not found; generation=${generation};[highest=${folder.generation}].`
  const start = `${deltaUrl(context, folder)}?$deltatoken=${select ? `&$select=${select.join(',')}` : ''}`
  switch (folder.tokenDeath) {
    case 'gone':
      return new GraphError(410, 'SyncStateNotFound', lost)
    case 'gone_with_location':
      return new GraphError(410, 'SyncStateNotFound', lost, { location: start })
    case 'sync_state_not_found':
      return new GraphError(404, 'syncStateNotFound', 'The sync state is not found.')
    case 'resync_required':
      return new GraphError(
        410,
        'resyncRequired',
        'Resync required. Replace any local items with the server version.',
        { location: start },
      )
    case 'badly_formed':
      return badRequest('Badly formed token.')
  }
}

/** The first walk: every message there is, newest first, found again by its place and not by counting. */
function walkPage(context: MailContext, folder: Folder, state: DeltaState): Answer {
  const { mailbox, prefer } = context
  const style = styleOf(context, state)
  const position = state.walked ? folder.messages.countBefore(state.walked, true) : 0
  const size = Math.min(shapedSize(context, pageSize(undefined, prefer.maxPageSize)), mostLeft(state))
  const after = (walked: DeltaState['walked'], told: number): DeltaState => ({
    ...state,
    walked: walked ?? null,
    told: state.told + told,
  })

  if (state.since === undefined && state.top === undefined && context.shape.extra_removed === undefined) {
    const next = (end: number, last: number) =>
      end < folder.messages.length
        ? nextLink(context, folder, after({ key: last, receivedAt: mailbox.receivedAt(last) }, end - position))
        : endOfWalk(context, folder, after(null, 0))
    const prepared = preparedPage(context, {
      folder,
      style,
      position,
      size,
      page: page(context, []),
      hasBodies: rendersBody(state.select),
      next,
    })
    if (prepared) return prepared
  }
  const messages: StoredMessage[] = []
  let more = false
  for (const key of folder.messages.keysFrom(position)) {
    const message = mailbox.message(key)
    if (!message || (state.since !== undefined && (message.content.receivedAt ?? -1) < state.since)) break
    more = messages.length >= size
    if (more) break
    messages.push(message)
  }
  failOnPoison(context, messages, state.select)
  const items = [...strangers(context), ...messages.map((message) => messageJson(mailbox, message, style))]
  const last = messages.at(-1)
  const walked = last ? { key: last.key, receivedAt: last.content.receivedAt } : state.walked
  const later = after(walked, messages.length)
  if (!last && more) later.empty = (state.empty ?? 0) + 1
  const links = more && mostLeft(later) > 0 ? nextLink(context, folder, later) : endOfWalk(context, folder, later)
  return pageAnswer(context, { ...page(context, items), ...links, hasBodies: rendersBody(state.select) })
}

function mostLeft({ top, since, told }: DeltaState): number {
  // What $top does here is not documented; it ends the round early, which is why nobody should use it.
  return (
    Math.min(top ?? Number.POSITIVE_INFINITY, since === undefined ? Number.POSITIVE_INFINITY : MOST_WHEN_FILTERED) -
    told
  )
}

/** What changed while the walk was under way belongs to the same round, so there may be more pages. */
function endOfWalk(context: MailContext, folder: Folder, { walked: _, empty: __, ...state }: DeltaState): Links {
  const changes = { ...state, told: 0 }
  const isQuiet = folder.log.length === 0 || (folder.log.at(-1)?.sequence ?? 0) <= state.sequence
  return isQuiet ? deltaLink(context, folder, changes) : nextLink(context, folder, changes)
}

/** Later rounds: the change log from where the token stands, each message once per page as it is now. */
function changePage(context: MailContext, folder: Folder, state: DeltaState): Answer {
  const size = shapedSize(context, pageSize(undefined, context.prefer.maxPageSize))
  const changes = new Map<number, Change[]>()
  let sequence = state.sequence
  let more = false
  for (const change of changesAfter(folder, state.sequence)) {
    more = !changes.has(change.key) && changes.size >= size
    if (more) break
    changes.set(change.key, [...(changes.get(change.key) ?? []), change])
    sequence = change.sequence
  }
  const items = [
    ...strangers(context),
    ...[...changes].flatMap(([key, list]) => changeItems(context, folder, state, key, list)),
  ]
  const later: DeltaState = { ...state, sequence: more ? sequence : context.mailbox.sequence }
  if (more && changes.size === 0) later.empty = (state.empty ?? 0) + 1
  return pageAnswer(context, {
    ...page(context, items),
    ...(more ? nextLink(context, folder, later) : deltaLink(context, folder, later)),
  })
}

function changesAfter(folder: Folder, sequence: number): Change[] {
  const first = folder.log.findIndex((change) => change.sequence > sequence)
  return first < 0 ? [] : folder.log.slice(first)
}

function changeItems(
  context: MailContext,
  folder: Folder,
  state: DeltaState,
  key: number,
  changes: readonly Change[],
): object[] {
  const { mailbox } = context
  const style = styleOf(context, state)
  const message = mailbox.message(key)
  const present = message?.folder === folder ? message : undefined
  const wants = (type: string) => state.changeType === undefined || state.changeType === type
  const items: object[] = []
  const removed = changes.findLast(({ kind }) => kind === 'removed')
  if (removed && wants('deleted') && (!present || (!style.immutableIds && removed.moves !== present.moves))) {
    items.push(removedJson(mailbox.ids.message(key, removed.moves, style.immutableIds)))
  }
  if (!present || (state.since !== undefined && (present.content.receivedAt ?? -1) < state.since)) return items
  const isNew = changes.some(({ kind }) => kind === 'added')
  if (!wants(isNew ? 'created' : 'updated')) return items
  if (changes.every(({ kind }) => kind === 'read')) return [...items, readStateJson(mailbox, present, style)]
  failOnPoison(context, [present], state.select)
  return [...items, messageJson(mailbox, present, style)]
}

/** Removals of messages the client never saw; Graph may send them even in a first round. */
function strangers({ shape, mailbox, prefer }: MailContext): object[] {
  const beyond = 2 ** 40
  return Array.from({ length: shape.extra_removed ?? 0 }, (_, index) =>
    removedJson(mailbox.ids.message(beyond + index, 0, prefer.immutableIds)),
  )
}

function styleOf({ prefer }: MailContext, { select }: DeltaState): MessageStyle {
  return { select, immutableIds: prefer.immutableIds, bodyType: prefer.bodyType, delta: true }
}

function page({ base, prefer }: MailContext, items: readonly object[]): Page {
  return { context: `${base}/$metadata#Collection(message)`, items, headers: appliedPreferences(prefer, true, true) }
}

type Links = { nextLink: string } | { deltaLink: string }

function nextLink(context: MailContext, folder: Folder, state: DeltaState): Links {
  return { nextLink: `${deltaUrl(context, folder)}?$skiptoken=${checksummed(state)}` }
}

function deltaLink(context: MailContext, folder: Folder, { empty: _, ...state }: DeltaState): Links {
  return { deltaLink: `${deltaUrl(context, folder)}?$deltatoken=${checksummed({ ...state, told: 0 })}` }
}

/** Links name user and folder in parentheses, whatever spelling the request had. */
function deltaUrl({ base, user, mailbox }: MailContext, folder: Folder): string {
  return `${base}/users('${user.id}')/mailFolders('${mailbox.ids.folder(folder.number)}')/messages/delta`
}
