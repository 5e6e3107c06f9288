import { type Answer, badRequest, itemNotFound, json } from './answer.ts'
import { checksummed, readChecksummed } from './delta-token.ts'
import type { Folder } from './folder.ts'
import type { MailContext } from './graph-request.ts'
import type { Mailbox } from './mailbox.ts'
import { type Literal, parseFilter, passes } from './odata-filter.ts'
import { pageAnswer } from './page.ts'
import { appliedPreferences } from './prefer.ts'
import { allowOptions, flagOption, option, pageSize, selected, wholeNumber } from './query-options.ts'

const FOLDER_PROPERTIES = [
  'id',
  'displayName',
  'parentFolderId',
  'childFolderCount',
  'unreadItemCount',
  'totalItemCount',
  'isHidden',
] as const
const LIST_OPTIONS = ['$count', '$expand', '$filter', '$orderby', '$select', '$skip', '$top']
// Not found in the documentation; other listings of Outlook stop here.
const LARGEST_FOLDER_PAGE = 1000

export function folderOf({ mailbox }: MailContext, idOrAlias: string): Folder {
  const folder = mailbox.findFolder(idOrAlias)
  if (folder) return folder
  // Graph tells a malformed id from one that names nothing.
  if (mailbox.ids.findFolder(idOrAlias) === undefined && idOrAlias.length > 60)
    throw badRequest('Id is malformed.', 'ErrorInvalidIdMalformed')
  throw itemNotFound()
}

export function listFolders(context: MailContext, parent: Folder): Answer {
  const { mailbox, request, prefer, base, user } = context
  const { query } = request
  allowOptions(query, LIST_OPTIONS)
  const select = selected(query, FOLDER_PROPERTIES, 'mailFolder')
  const filter = option(query, '$filter')
  const parsed = filter === undefined ? undefined : parseFilter(filter)
  const folders = mailbox
    .childrenOf(parent, flagOption(query, 'includeHiddenFolders'))
    .map((folder) => folderJson(mailbox, folder))
    .filter((folder) => !parsed || passes(parsed, (name) => valueIn(folder, name)))
  if (option(query, '$orderby')?.startsWith('displayName'))
    folders.sort((one, other) => (String(one.displayName) < String(other.displayName) ? -1 : 1))
  const skip = wholeNumber(query, '$skip') ?? 0
  const size = pageSize(wholeNumber(query, '$top'), prefer.maxPageSize, LARGEST_FOLDER_PAGE)
  const end = skip + size
  return pageAnswer(context, {
    context: `${base}/$metadata#users('${user.id}')/mailFolders${parent === mailbox.root ? '' : `('${mailbox.ids.folder(parent.number)}')/childFolders`}${contextOf(select)}`,
    items: folders.slice(skip, end).map((folder) => chosen(folder, select)),
    count: flagOption(query, '$count') ? folders.length : undefined,
    nextLink: end < folders.length ? nextLink(context, end) : undefined,
    headers: appliedPreferences(prefer, true),
  })
}

export function getFolder(context: MailContext, folder: Folder): Answer {
  const { mailbox, request, prefer, base, user } = context
  allowOptions(request.query, ['$select', '$expand'])
  const select = selected(request.query, FOLDER_PROPERTIES, 'mailFolder')
  const body = {
    '@odata.context': `${base}/$metadata#users('${user.id}')/mailFolders${contextOf(select)}/$entity`,
    ...chosen(folderJson(mailbox, folder), select),
  }
  return json(body, appliedPreferences(prefer, false))
}

interface FolderToken {
  /** Folders before this number have been told. */
  next: number
  sequence: number
  done: boolean
  select: string[] | null
}

/** Changes of the folders themselves: the whole tree flat, then what has changed since. */
export function folderDelta(context: MailContext): Answer {
  const { mailbox, request, prefer, base, user } = context
  const { query } = request
  const tokenText = option(query, '$skiptoken') ?? option(query, '$deltatoken')
  if (tokenText === undefined) allowOptions(query, ['$select'])
  const start = (): FolderToken => ({
    next: 0,
    sequence: mailbox.sequence,
    done: false,
    select: selected(query, FOLDER_PROPERTIES, 'mailFolder') ?? null,
  })
  const token = tokenText === undefined ? start() : readChecksummed<FolderToken>(tokenText)
  const size = pageSize(undefined, prefer.maxPageSize)
  const select = token.select ?? undefined
  const link = (name: string, next: FolderToken) =>
    `${base}/users/${encodeURIComponent(user.id)}/mailFolders/delta?$${name}=${checksummed(next)}`
  const page = { context: `${base}/$metadata#Collection(mailFolder)`, headers: appliedPreferences(prefer, true, true) }

  if (!token.done) {
    const numbers = mailbox.folders.filter((folder) => folder.number >= token.next && mailbox.isInFolderDelta(folder))
    const items = numbers.slice(0, size).map((folder) => chosen(folderJson(mailbox, folder), select))
    const last = numbers[size - 1]
    if (last && numbers.length > size)
      return pageAnswer(context, { ...page, items, nextLink: link('skiptoken', { ...token, next: last.number + 1 }) })
    return pageAnswer(context, { ...page, items, deltaLink: link('deltatoken', { ...token, done: true }) })
  }
  const changed = new Set(
    mailbox.folderLog.filter(({ sequence }) => sequence > token.sequence).map(({ folder }) => folder),
  )
  const told = [...changed].filter((folder) => folder.isDeleted || mailbox.isInFolderDelta(folder))
  const items = told.map((folder) =>
    folder.isDeleted
      ? {
          '@odata.type': '#microsoft.graph.mailFolder',
          id: mailbox.ids.folder(folder.number),
          '@removed': { reason: 'deleted' },
        }
      : chosen(folderJson(mailbox, folder), select),
  )
  return pageAnswer(context, {
    ...page,
    items,
    deltaLink: link('deltatoken', { ...token, sequence: mailbox.sequence }),
  })
}

function folderJson(mailbox: Mailbox, folder: Folder): Record<string, unknown> {
  const { ids } = mailbox
  const messages = mailbox.messagesOf(folder)
  const search = folder.spec.searchOf === undefined ? undefined : mailbox.findFolder(folder.spec.searchOf)
  return {
    ...(search && { '@odata.type': '#microsoft.graph.mailSearchFolder' }),
    id: ids.folder(folder.number),
    displayName: folder.name,
    parentFolderId: ids.folder((folder.parent ?? folder).number),
    childFolderCount: mailbox.childrenOf(folder, false).length,
    unreadItemCount: mailbox.unreadOf(search ?? folder),
    totalItemCount: messages.length + (folder.spec.nonMailItems ?? 0),
    isHidden: folder.isHidden,
    ...(search && {
      isSupported: true,
      includeNestedFolders: false,
      sourceFolderIds: [ids.folder(search.number)],
      filterQuery: 'size ge 100000',
    }),
  }
}

function chosen(folder: Record<string, unknown>, select: readonly string[] | undefined): Record<string, unknown> {
  if (!select) return folder
  return Object.fromEntries(Object.entries(folder).filter(([name]) => name.startsWith('@') || select.includes(name)))
}

function contextOf(select: readonly string[] | undefined): string {
  return select ? `(${select.join(',')})` : ''
}

function valueIn(folder: Record<string, unknown>, name: string): Literal | undefined {
  const value = folder[name]
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined
}

/** The same request with another $skip: Graph's links repeat every option, but no header. */
export function nextLink({ request, base }: MailContext, skip: number): string {
  const query = new URLSearchParams(request.query)
  query.delete('$skip')
  query.set('$skip', String(skip))
  const path = request.pathAndQuery.split('?')[0]?.replace(/^\/v1\.0/, '') ?? ''
  return `${base}${path}?${query.toString().replaceAll('%24', '$')}`
}
