import { badRequest } from './answer.ts'

// The part of OData's $filter that mail and user lists are asked with: comparisons, string functions, and, or, not.

export type Literal = string | number | boolean | null | Date
type Comparison = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le'
type TextFunction = 'startswith' | 'endswith' | 'contains'

export type Filter =
  | { kind: 'and'; left: Filter; right: Filter }
  | { kind: 'or'; left: Filter; right: Filter }
  | { kind: 'not'; inner: Filter }
  | { kind: 'compare'; property: string; operator: Comparison; value: Literal }
  | { kind: 'text'; name: TextFunction; property: string; value: string }

const COMPARISONS: readonly string[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] satisfies Comparison[]
const TEXT_FUNCTIONS: readonly string[] = ['startswith', 'endswith', 'contains'] satisfies TextFunction[]
const TOKEN =
  /\s*(?:('(?:[^']|'')*')|(\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)|(-?\d+(?:\.\d+)?)|([A-Za-z_@][\w./@]*)|([(),]))/y

export function parseFilter(text: string): Filter {
  const tokens = tokensOf(text)
  let place = 0
  const peek = () => tokens[place]
  const next = () => tokens[place++] ?? invalid(text)
  const expect = (token: string) => {
    if (next() !== token) invalid(text)
  }

  function either(): Filter {
    let left = both()
    while (peek() === 'or') {
      place++
      left = { kind: 'or', left, right: both() }
    }
    return left
  }
  function both(): Filter {
    let left = single()
    while (peek() === 'and') {
      place++
      left = { kind: 'and', left, right: single() }
    }
    return left
  }
  function single(): Filter {
    if (peek() === 'not') {
      place++
      return { kind: 'not', inner: single() }
    }
    if (peek() === '(') {
      place++
      const inner = either()
      expect(')')
      return inner
    }
    const word = next()
    if (TEXT_FUNCTIONS.includes(word.toLowerCase()) && peek() === '(')
      return textFunction(word.toLowerCase() as TextFunction)
    const operator = next()
    if (!COMPARISONS.includes(operator)) invalid(text)
    return { kind: 'compare', property: word, operator: operator as Comparison, value: literal(next(), text) }
  }
  function textFunction(name: TextFunction): Filter {
    expect('(')
    const property = next()
    expect(',')
    const value = literal(next(), text)
    expect(')')
    if (typeof value !== 'string') invalid(text)
    return { kind: 'text', name, property, value }
  }

  const filter = either()
  if (place < tokens.length) invalid(text)
  return filter
}

/** The properties in the order in which they occur. */
export function propertiesOf(filter: Filter): string[] {
  if (filter.kind === 'and' || filter.kind === 'or')
    return [...propertiesOf(filter.left), ...propertiesOf(filter.right)]
  return filter.kind === 'not' ? propertiesOf(filter.inner) : [filter.property]
}

/** Does a thing with these values pass? */
export function passes(filter: Filter, valueIn: (property: string) => Literal | undefined): boolean {
  switch (filter.kind) {
    case 'and':
      return passes(filter.left, valueIn) && passes(filter.right, valueIn)
    case 'or':
      return passes(filter.left, valueIn) || passes(filter.right, valueIn)
    case 'not':
      return !passes(filter.inner, valueIn)
    case 'text':
      return textPasses(filter.name, valueIn(filter.property), filter.value)
    case 'compare':
      return comparisonPasses(filter.operator, valueIn(filter.property) ?? null, filter.value)
  }
}

function textPasses(name: TextFunction, value: Literal | undefined, wanted: string): boolean {
  if (typeof value !== 'string') return false
  const [whole, part] = [value.toLowerCase(), wanted.toLowerCase()]
  if (name === 'contains') return whole.includes(part)
  return name === 'startswith' ? whole.startsWith(part) : whole.endsWith(part)
}

function comparisonPasses(operator: Comparison, value: Literal, wanted: Literal): boolean {
  const [left, right] = [comparable(value), comparable(wanted)]
  if (operator === 'eq') return left === right
  if (operator === 'ne') return left !== right
  if (left === null || right === null) return false
  if (operator === 'gt') return left > right
  if (operator === 'ge') return left >= right
  return operator === 'lt' ? left < right : left <= right
}

function comparable(value: Literal): string | number | boolean | null {
  if (value instanceof Date) return value.getTime()
  return typeof value === 'string' ? value.toLowerCase() : value
}

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const match = TOKEN.exec(text)
    if (!match) invalid(text)
    tokens.push(match[0].trim())
  }
  return tokens
}

function literal(token: string, text: string): Literal {
  if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'")
  if (token === 'null') return null
  if (token === 'true' || token === 'false') return token === 'true'
  if (/^\d{4}-/.test(token)) {
    const date = new Date(token)
    return Number.isNaN(date.getTime()) ? invalid(text) : date
  }
  return /^-?\d/.test(token) ? Number(token) : invalid(text)
}

function invalid(text: string): never {
  throw badRequest(`Invalid filter clause: ${text}`)
}
