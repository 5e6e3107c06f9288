import { badRequest, GraphError } from './answer.ts'
import type { FileSelect } from './attachment-select.ts'
import type { User } from './directory.ts'
import type { ActivePoison, PageShape, RequestKind } from './faults.ts'
import type { Mailbox } from './mailbox.ts'
import type { Preferences } from './prefer.ts'

/** A request below /v1.0, as a client or a batch item sends it. */
export interface GraphRequest {
  method: string
  /** Path and query as they came, beginning with /v1.0. */
  pathAndQuery: string
  segments: readonly string[]
  query: URLSearchParams
  /** Lower-case names. */
  headers: Record<string, string>
  body: string
}

/** What the routes know beyond the request itself. */
export interface RouteContext {
  request: GraphRequest
  prefer: Preferences
  /** Scheme, host and port. */
  origin: string
  /** The resource of @odata.context and links, such as `https://localhost:3007/v1.0`. */
  base: string
  shape: PageShape
  poisons: readonly ActivePoison[]
  acceptsGzip: boolean
  fileSelect: FileSelect
}

export interface MailContext extends RouteContext {
  user: User
  mailbox: Mailbox
}

/** Reads `/users('x')/mailFolders/y/messages/delta()?…` in every spelling that OData allows. */
export function parseGraphPath(pathAndQuery: string): { segments: string[]; query: URLSearchParams } {
  const [path = '', ...rest] = pathAndQuery.split('?')
  const segments = path
    .replace(/^\/v1\.0\/?/, '')
    .split('/')
    .flatMap(segmentsOf)
  return { segments, query: new URLSearchParams(rest.join('?')) }
}

function segmentsOf(raw: string): string[] {
  const segment = decode(raw)
  const keyed = segment.match(/^([A-Za-z]+)\('(.*)'\)$/s)
  if (keyed) return [keyed[1] ?? '', (keyed[2] ?? '').replaceAll("''", "'")]
  return [segment.replace(/^(microsoft\.graph\.)?delta(\(\))?$/, 'delta')]
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw badRequest('The request URI is not valid.')
  }
}

export function segmentNotFound(segment: string): GraphError {
  return badRequest(`Resource not found for the segment '${segment}'.`)
}

export function notAllowed(): GraphError {
  return new GraphError(405, 'ErrorInvalidRequest', 'The OData request is not supported.')
}

/** What a request is about, for faults, limits and statistics. */
export function kindOf(segments: readonly string[]): RequestKind {
  const [first, id, third] = segments
  if (first === '$batch') return 'batch'
  if (first === 'groups') return 'groups'
  if (first !== 'users') return 'other'
  if (id === undefined || id === '' || id === '$count') return 'users'
  if (third === undefined) return 'user'
  const last = segments.at(-1)
  if (last === 'attachments') return 'attachments'
  if (segments.includes('attachments')) return last === '$value' ? 'attachment_content' : 'attachment'
  if (last === '$value') return 'mime'
  if (last === '$count') return 'count'
  if (last === 'delta') return segments.includes('messages') ? 'delta' : 'folder_delta'
  const messages = segments.indexOf('messages')
  if (messages >= 2) return messages === segments.length - 1 ? 'messages' : 'message'
  if (third === 'mailFolders') return last === 'mailFolders' || last === 'childFolders' ? 'folders' : 'folder'
  return 'other'
}
