import { type Answer, badRequest, GraphError, json } from './answer.ts'
import { checksummed, readChecksummed } from './delta-token.ts'
import type { Directory, Group, User } from './directory.ts'
import type { RouteContext } from './graph-request.ts'
import { type Filter, type Literal, parseFilter, passes } from './odata-filter.ts'
import { pageAnswer, shapedSize } from './page.ts'
import { allowOptions, flagOption, option, pageSize, selected, wholeNumber } from './query-options.ts'
import { guidOf } from './random.ts'

// Sizes of directory pages (Microsoft Graph, list users).
const STANDARD_PAGE = 100
const LARGEST_PAGE = 999

const STANDARD_PROPERTIES = [
  'businessPhones',
  'displayName',
  'givenName',
  'jobTitle',
  'mail',
  'mobilePhone',
  'officeLocation',
  'preferredLanguage',
  'surname',
  'userPrincipalName',
  'id',
] as const
const USER_PROPERTIES = [
  ...STANDARD_PROPERTIES,
  'accountEnabled',
  'assignedLicenses',
  'assignedPlans',
  'companyName',
  'createdDateTime',
  'department',
  'mailNickname',
  'mailboxSettings',
  'onPremisesSyncEnabled',
  'otherMails',
  'proxyAddresses',
  'userType',
] as const

export function listUsers(context: RouteContext, directory: Directory): Answer {
  const { query, headers } = context.request
  allowOptions(query, ['$select', '$top', '$skiptoken', '$filter', '$orderby', '$count', '$search'])
  const select = selected(query, USER_PROPERTIES, 'user')
  if (select?.includes('mailboxSettings'))
    throw new GraphError(
      501,
      'NotImplemented',
      'The mailboxSettings property cannot be selected on a collection of users.',
    )
  const filterText = option(query, '$filter')
  const filter = filterText === undefined ? undefined : parseFilter(filterText)
  const advanced =
    option(query, '$search') !== undefined ||
    (filter && (isAdvanced(filter) || option(query, '$orderby') !== undefined))
  const eventual = headers.consistencylevel?.toLowerCase() === 'eventual'
  if (advanced && !(eventual && flagOption(query, '$count'))) {
    throw badRequest(
      'The specified query is not supported. It needs the header ConsistencyLevel: eventual and $count=true.',
      'Request_UnsupportedQuery',
    )
  }
  const users = directory.users.filter((user) => !filter || passes(filter, (property) => userValue(user, property)))
  if (option(query, '$orderby') !== undefined)
    users.sort((one, other) => one.displayName.localeCompare(other.displayName, 'en'))
  return directoryPage(
    context,
    users.map((user) => userJson(user, select)),
    `users${select ? `(${select.join(',')})` : ''}`,
    eventual,
  )
}

export function getUser({ request, base }: RouteContext, user: User): Answer {
  allowOptions(request.query, ['$select', '$expand'])
  const select = selected(request.query, USER_PROPERTIES, 'user')
  return json(
    {
      '@odata.context': `${base}/$metadata#users${select ? `(${select.join(',')})` : ''}/$entity`,
      ...userJson(user, select),
    },
    { 'x-ms-resource-unit': '1' },
  )
}

export function mailboxSettings({ base }: RouteContext, user: User, property: string | undefined): Answer {
  if (property === 'userPurpose')
    return json({
      '@odata.context': `${base}/$metadata#users('${user.id}')/mailboxSettings/userPurpose`,
      value: user.purpose,
    })
  return json({
    '@odata.context': `${base}/$metadata#users('${user.id}')/mailboxSettings`,
    timeZone: 'UTC',
    language: { locale: 'en-US', displayName: 'English (United States)' },
    userPurpose: user.purpose,
  })
}

export function listGroups(context: RouteContext, directory: Directory): Answer {
  allowOptions(context.request.query, ['$select', '$top', '$skiptoken', '$filter', '$count'])
  const groups = directory.groups.map(({ id, displayName }) => ({ id, displayName }))
  return directoryPage(context, groups, 'groups', false)
}

/** Members of every kind, told apart by @odata.type; `transitive` without end, but flat. */
export function listMembers(
  context: RouteContext,
  directory: Directory,
  group: Group,
  { transitive, usersOnly }: { transitive: boolean; usersOnly: boolean },
): Answer {
  const { query, headers } = context.request
  allowOptions(query, ['$select', '$top', '$skiptoken', '$filter', '$count', '$orderby', '$search'])
  const eventual = headers.consistencylevel?.toLowerCase() === 'eventual'
  if (usersOnly && !(eventual && flagOption(query, '$count')))
    throw badRequest(
      'The cast needs the header ConsistencyLevel: eventual and $count=true.',
      'Request_UnsupportedQuery',
    )
  const select = selected(query, USER_PROPERTIES, 'user')
  const ids = transitive ? allMembers(directory, group) : [...group.members]
  const items = ids.flatMap((id) => {
    const user = directory.findUser(id)
    if (user) return [{ '@odata.type': '#microsoft.graph.user', ...userJson(user, select) }]
    if (usersOnly) return []
    const nested = directory.findGroup(id)
    if (nested) return [{ '@odata.type': '#microsoft.graph.group', id, displayName: nested.displayName }]
    return [{ '@odata.type': '#microsoft.graph.orgContact', id, displayName: 'A contact' }]
  })
  return directoryPage(context, items, 'directoryObjects', eventual)
}

/** Directory pages go on by $skiptoken; the count stands on the first page only. */
function directoryPage(context: RouteContext, all: readonly object[], name: string, eventual: boolean): Answer {
  const { request, base } = context
  const { query } = request
  const top = wholeNumber(query, '$top')
  if (top !== undefined && (top > LARGEST_PAGE || top === 0))
    throw badRequest(
      `Invalid page size specified: '${top}'. Must be between 1 and 999 inclusive.`,
      'Request_UnsupportedQuery',
    )
  const token = option(query, '$skiptoken')
  const start = token === undefined ? 0 : readChecksummed<{ start: number }>(token).start
  const end = start + shapedSize(context, pageSize(top, undefined, LARGEST_PAGE, STANDARD_PAGE))
  const next = new URLSearchParams(query)
  next.set('$skiptoken', checksummed({ start: end }))
  const path = request.pathAndQuery.split('?')[0]?.replace(/^\/v1\.0/, '') ?? ''
  const answer = pageAnswer(context, {
    context: `${base}/$metadata#${name}`,
    items: all.slice(start, end),
    count: eventual && flagOption(query, '$count') && start === 0 ? all.length : undefined,
    nextLink: end < all.length ? `${base}${path}?${next.toString().replaceAll('%24', '$')}` : undefined,
    headers: { 'x-ms-resource-unit': '2' },
  })
  return { ...answer, messages: 0 }
}

function allMembers(directory: Directory, group: Group, seen = new Set<string>()): string[] {
  for (const id of group.members) {
    if (seen.has(id)) continue
    seen.add(id)
    const nested = directory.findGroup(id)
    if (nested) allMembers(directory, nested, seen)
  }
  return [...seen]
}

// `ne`, `not` and endsWith are advanced queries (Microsoft Graph, advanced query capabilities).
function isAdvanced(filter: Filter): boolean {
  if (filter.kind === 'and' || filter.kind === 'or') return isAdvanced(filter.left) || isAdvanced(filter.right)
  if (filter.kind === 'not') return true
  return filter.kind === 'compare' ? filter.operator === 'ne' : filter.name === 'endswith'
}

function userValue(user: User, property: string): Literal | undefined {
  const name = USER_PROPERTIES.find((known) => known.toLowerCase() === property.toLowerCase())
  if (!name)
    throw badRequest(
      `Invalid filter clause: Could not find a property named '${property}' on type 'microsoft.graph.user'.`,
    )
  const value = userJson(user, [name])[name]
  return typeof value === 'string' || typeof value === 'boolean' || value === null ? value : undefined
}

function userJson(user: User, select: readonly string[] | undefined): Record<string, unknown> {
  const [givenName = '', ...others] = user.displayName.split(' ')
  const all: Record<(typeof USER_PROPERTIES)[number], unknown> = {
    businessPhones: [],
    displayName: user.displayName,
    givenName,
    jobTitle: null,
    mail: user.mail,
    mobilePhone: null,
    officeLocation: null,
    preferredLanguage: null,
    surname: others.join(' ') || null,
    userPrincipalName: user.upn,
    id: user.id,
    accountEnabled: user.accountEnabled,
    assignedLicenses: user.licensed ? [{ disabledPlans: [], skuId: guidOf('licence E3') }] : [],
    assignedPlans: [],
    companyName: null,
    createdDateTime: '2019-05-20T08:00:00Z',
    department: null,
    mailNickname: user.upn.split('@')[0],
    mailboxSettings: { userPurpose: user.purpose },
    onPremisesSyncEnabled: null,
    otherMails: [],
    proxyAddresses: user.mail === null ? [] : [`SMTP:${user.mail}`],
    userType: user.userType,
  }
  const names: readonly (keyof typeof all)[] = select
    ? USER_PROPERTIES.filter((name) => select.includes(name))
    : STANDARD_PROPERTIES
  return Object.fromEntries(names.map((name) => [name, all[name]]))
}
