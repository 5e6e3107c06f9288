import { badRequest, GraphError } from './answer.ts'
import { type Filter, type Literal, parseFilter, propertiesOf } from './odata-filter.ts'

interface SortKey {
  property: string
  descending: boolean
}

export interface MessageQuery {
  /** Bounds that come from the dates: at or after `from`, before `before`, in whole seconds. */
  window: { from: number | undefined; before: number | undefined } | undefined
  /** What the window does not say. */
  rest: Filter | undefined
  order: SortKey | undefined
}

/** Reads $filter and $orderby of a message list and refuses the pairs that Outlook refuses. */
export function readMessageQuery(filterText: string | undefined, orderText: string | undefined): MessageQuery {
  const filter = filterText === undefined ? undefined : parseFilter(filterText)
  const orders = orderText === undefined ? [] : orderText.split(',').map(sortKeyOf)
  if (filter && orders.length > 0) demandEfficient(filter, orders)
  const parts = filter ? conjuncts(filter) : []
  const dates = parts.filter(isDateBound)
  const others = parts.filter((part) => !isDateBound(part))
  const rest = others.reduce<Filter | undefined>(
    (left, right) => (left ? { kind: 'and', left, right } : right),
    undefined,
  )
  return { window: dates.length > 0 ? windowOf(dates) : undefined, rest, order: orders[0] }
}

// Properties of $orderby must be in $filter, in the same order, before any other (list messages, "Using filter and orderby").
function demandEfficient(filter: Filter, orders: readonly SortKey[]): void {
  const filtered = [...new Set(propertiesOf(filter).map((name) => name.toLowerCase()))]
  const efficient = orders.every(({ property }, index) => filtered[index] === property.toLowerCase())
  if (!efficient)
    throw new GraphError(400, 'InefficientFilter', 'The restriction or sort order is too complex for this operation.')
}

function sortKeyOf(text: string): SortKey {
  const [property = '', direction = 'asc', more] = text.trim().split(/\s+/)
  if (property === '' || more !== undefined || !['asc', 'desc'].includes(direction))
    throw badRequest(`Syntax error in $orderby: ${text}`)
  return { property, descending: direction === 'desc' }
}

function conjuncts(filter: Filter): Filter[] {
  return filter.kind === 'and' ? [...conjuncts(filter.left), ...conjuncts(filter.right)] : [filter]
}

type DateBound = Filter & { kind: 'compare'; value: Date }

function isDateBound(filter: Filter): filter is DateBound {
  if (filter.kind !== 'compare' || filter.property.toLowerCase() !== 'receiveddatetime' || filter.operator === 'ne')
    return false
  if (filter.value instanceof Date) return true
  throw badRequest('A binary operator with incompatible types was detected: Edm.DateTimeOffset was expected.')
}

function windowOf(bounds: readonly DateBound[]): { from: number | undefined; before: number | undefined } {
  let from: number | undefined
  let before: number | undefined
  const atLeast = (seconds: number) => {
    from = Math.max(from ?? seconds, seconds)
  }
  const below = (seconds: number) => {
    before = Math.min(before ?? seconds, seconds)
  }
  for (const { operator, value } of bounds) {
    const seconds = value.getTime() / 1000
    if (operator === 'ge' || operator === 'eq') atLeast(Math.ceil(seconds))
    if (operator === 'gt') atLeast(Math.floor(seconds) + 1)
    if (operator === 'le' || operator === 'eq') below(Math.floor(seconds) + 1)
    if (operator === 'lt') below(Math.ceil(seconds))
  }
  return { from, before }
}

/** The value at a path such as from/emailAddress/address. */
export function valueAt(json: Record<string, unknown>, path: string): Literal | undefined {
  let value: unknown = json
  for (const name of path.split('/')) {
    if (typeof value !== 'object' || value === null) return undefined
    const entry = Object.entries(value).find(([property]) => property.toLowerCase() === name.toLowerCase())
    value = entry?.[1]
  }
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) return new Date(value)
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null
    ? value
    : undefined
}
