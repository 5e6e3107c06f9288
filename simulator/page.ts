import { type Answer, json } from './answer.ts'
import type { RouteContext } from './graph-request.ts'

export interface Page {
  context: string
  items: readonly object[]
  count?: number | undefined
  nextLink?: string | undefined
  deltaLink?: string | undefined
  headers: Record<string, string>
  /** Whether the items hold bodies. */
  hasBodies?: boolean
}

/** Puts a page together, and spoils its link where a fault wants that. */
export function pageAnswer(context: RouteContext, page: Page): Answer {
  const nextLink = page.nextLink === undefined ? undefined : spoiltLink(context, page.nextLink)
  const body = {
    '@odata.context': page.context,
    ...(page.count !== undefined && { '@odata.count': page.count }),
    ...(nextLink !== undefined && { '@odata.nextLink': nextLink }),
    ...(page.deltaLink !== undefined && { '@odata.deltaLink': page.deltaLink }),
    value: page.items,
  }
  const messages = page.items.length
  return { ...json(body, page.headers), messages, bodies: page.hasBodies ? messages : 0 }
}

/** How many items a page may hold once faults have had their say. */
export function shapedSize({ shape }: RouteContext, size: number): number {
  if (shape.empty_page) return 0
  if (shape.short_page !== undefined) return Math.min(size, shape.short_page)
  return shape.ignore_page_size ?? size
}

function spoiltLink({ shape, request, origin }: RouteContext, link: string): string {
  if (shape.same_next_link) return origin + request.pathAndQuery
  if (shape.malformed_next_link) return link.replace(/\/users(\('[^']*'\)|\/[^/]*)/, '/users/')
  if (shape.foreign_next_link !== undefined) return link.replace(origin, shape.foreign_next_link)
  return link
}
