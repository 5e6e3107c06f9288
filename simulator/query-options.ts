import { badRequest } from './answer.ts'

/** Outlook's default and largest page (Microsoft Graph paging documentation; above 1000 it is cut without a word). */
const DEFAULT_PAGE_SIZE = 10
const LARGEST_PAGE_SIZE = 1000

/** A query option of OData by its name with '$', or undefined. Names are matched without regard to case. */
export function option(query: URLSearchParams, name: string): string | undefined {
  const wanted = name.toLowerCase()
  for (const [key, value] of query) if (key.toLowerCase() === wanted) return value
  return undefined
}

/** Refuses system options that the resource does not know. Options without '$' are custom ones, which OData ignores. */
export function allowOptions(query: URLSearchParams, allowed: readonly string[]): void {
  for (const name of query.keys()) {
    if (name.startsWith('$') && !allowed.includes(name.toLowerCase())) {
      throw badRequest(`The query specified in the URI is not valid. Query option '${name}' is not allowed here.`)
    }
  }
}

export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const value = option(query, name)
  if (value === undefined) return undefined
  if (!/^\d{1,9}$/.test(value))
    throw badRequest(
      `Invalid value '${value}' for $${name.slice(1)} query option found. A non-negative integer is expected.`,
    )
  return Number(value)
}

export function flagOption(query: URLSearchParams, name: string): boolean {
  const value = option(query, name)
  if (value === undefined || value === 'false') return false
  if (value === 'true') return true
  throw badRequest(`Invalid value '${value}' for ${name}: true or false is expected.`)
}

/** The page size of a listing: `$top` or the header, the smaller one, never above 1000. */
export function pageSize(
  top: number | undefined,
  maxPageSize: number | undefined,
  largest = LARGEST_PAGE_SIZE,
  standard = DEFAULT_PAGE_SIZE,
): number {
  if (top === 0) throw badRequest("Invalid value '0' for $top query option found. A positive integer is expected.")
  return Math.min(top ?? maxPageSize ?? standard, maxPageSize ?? top ?? standard, largest)
}

/** The chosen properties in their proper spelling, or undefined for the default set. */
export function selected(query: URLSearchParams, known: readonly string[], type: string): string[] | undefined {
  const value = option(query, '$select')
  if (value === undefined || value.trim() === '') return undefined
  const chosen = value.split(',').map((part) => {
    const name = part.trim()
    if (name === '*') return known
    const property = known.find((candidate) => candidate.toLowerCase() === name.toLowerCase())
    if (property === undefined)
      throw badRequest(
        `Could not find a property named '${name}' on type 'microsoft.graph.${type}'.`,
        'RequestBroker--ParseUri',
      )
    return [property]
  })
  return [...new Set(['id', ...chosen.flat()])]
}
