import { type Answer, badRequest, GraphError } from './answer.ts'
import type { Directory, User } from './directory.ts'
import { folderDelta, folderOf, getFolder, listFolders } from './folder-routes.ts'
import { type MailContext, notAllowed, type RouteContext, segmentNotFound } from './graph-request.ts'
import { messageDelta } from './message-delta.ts'
import { countMessages, listMessages } from './message-list.ts'
import { messageRoute } from './message-routes.ts'
import { translateIds } from './translate-ids.ts'
import { getUser, listGroups, listMembers, listUsers, mailboxSettings } from './user-routes.ts'

/** Finds what a path below /v1.0 means and answers it. */
export function route(context: RouteContext, directory: Directory): Answer {
  const { method, segments } = context.request
  const [first = '', id, ...rest] = segments
  if (segments.includes('')) throw segmentNotFound('')
  const translates = method === 'POST' && rest[0] === 'translateExchangeIds'
  if (method !== 'GET' && !translates) throw notAllowed()
  switch (first) {
    case 'users':
      return id === undefined ? listUsers(context, directory) : userRoute(context, userOf(directory, id), rest)
    case 'groups':
      return groupRoute(context, directory, id, rest)
    case 'me':
      throw badRequest('/me request is only valid with delegated authentication flow.')
    default:
      throw segmentNotFound(first)
  }
}

function userOf(directory: Directory, id: string): User {
  const user = directory.findUser(id)
  if (!user) throw directoryNotFound(id)
  if (user.refusal?.scope === 'all') throw refusalOf(user)
  return user
}

function directoryNotFound(id: string): GraphError {
  return new GraphError(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  )
}

function groupRoute(
  context: RouteContext,
  directory: Directory,
  id: string | undefined,
  [relation, cast, ...more]: readonly string[],
): Answer {
  if (id === undefined) return listGroups(context, directory)
  const group = directory.findGroup(id)
  if (!group) throw directoryNotFound(id)
  if (relation !== 'members' && relation !== 'transitiveMembers') throw segmentNotFound(relation ?? id)
  if ((cast !== undefined && cast !== 'microsoft.graph.user') || more.length > 0) throw segmentNotFound(cast ?? '')
  return listMembers(context, directory, group, {
    transitive: relation === 'transitiveMembers',
    usersOnly: cast !== undefined,
  })
}

function userRoute(routeContext: RouteContext, user: User, [part, id, ...rest]: readonly string[]): Answer {
  if (part === undefined) return getUser(routeContext, user)
  if (part === 'mailboxSettings') return mailboxSettings(routeContext, user, id)
  const context = mailContextOf(routeContext, user)
  if (part === 'translateExchangeIds') return translateIds(context)
  if (part === 'messages') return messagesRoute(context, id, rest)
  if (part !== 'mailFolders') throw segmentNotFound(part)
  if (id === undefined) return listFolders(context, context.mailbox.root)
  if (id === 'delta') {
    refuseDelta(user)
    if (user.refusal?.scope === 'folder_delta') throw refusalOf(user)
    return folderDelta(context)
  }
  return folderRoute(context, id, rest)
}

function mailContextOf(context: RouteContext, user: User): MailContext {
  if (user.refusal?.scope === 'mail') throw refusalOf(user)
  if (!user.mailbox) throw new GraphError(404, 'ErrorItemNotFound', 'Default folder Inbox not found.')
  return { ...context, user, mailbox: user.mailbox }
}

function messagesRoute(context: MailContext, id: string | undefined, rest: readonly string[]): Answer {
  if (id === undefined) return listMessages(context, undefined)
  if (id === '$count') return countMessages(context, undefined)
  if (id === 'delta')
    throw badRequest("Unsupported request: Change tracking is not supported against 'microsoft.graph.message'.")
  return messageRoute(context, undefined, id, rest)
}

function folderRoute(context: MailContext, folderId: string, [part, id, ...rest]: readonly string[]): Answer {
  if (part === 'messages' && id === 'delta') return deltaRoute(context, folderId)
  const folder = folderOf(context, folderId)
  if (part === undefined) return getFolder(context, folder)
  if (part === 'childFolders' && id === undefined) return listFolders(context, folder)
  if (part === 'childFolders' && id !== undefined) return folderRoute(context, id, rest)
  if (part !== 'messages') throw segmentNotFound(part)
  if (id === undefined) return listMessages(context, folder)
  if (id === '$count') return countMessages(context, folder)
  return messageRoute(context, folder, id, rest)
}

function deltaRoute(context: MailContext, folderId: string): Answer {
  refuseDelta(context.user)
  const { mailbox } = context
  if (mailbox.wasFolder(folderId))
    throw new GraphError(404, 'ErrorSyncFolderNotFound', 'The folder being synchronized was not found.')
  const folder = folderOf(context, folderId)
  const source = folder.spec.searchOf === undefined ? undefined : mailbox.findFolder(folder.spec.searchOf)
  return messageDelta(context, source ?? folder)
}

function refuseDelta(user: User): void {
  if (user.refusal?.scope === 'delta') throw refusalOf(user)
}

function refusalOf({ refusal }: User): GraphError {
  return new GraphError(
    refusal?.status ?? 403,
    refusal?.code ?? 'ErrorAccessDenied',
    refusal?.message ?? '',
    refusal?.headers ?? {},
  )
}
