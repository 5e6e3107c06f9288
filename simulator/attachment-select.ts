import { badRequest, type GraphError } from './answer.ts'
import { option } from './query-options.ts'

/**
 * How a tenant wants the properties of file attachments named in $select: `microsoft.graph.fileAttachment/contentId`
 * or plainly `contentId`. Both are reported to work and to be refused.
 */
export type FileSelect = 'cast' | 'plain'

const PROPERTIES = ['id', 'lastModifiedDateTime', 'name', 'contentType', 'size', 'isInline'] as const
const FILE_PROPERTIES = ['contentId', 'contentLocation', 'contentBytes'] as const
const CAST = 'microsoft.graph.fileattachment/'

/** The chosen properties in their proper spelling, or undefined for all. */
export function attachmentSelect(query: URLSearchParams, style: FileSelect): readonly string[] | undefined {
  const value = option(query, '$select')
  if (value === undefined || value.trim() === '') return undefined
  const chosen = value.split(',').map((name) => propertyOf(name.trim(), style))
  return [...new Set(['id', ...chosen.flat()])]
}

function propertyOf(name: string, style: FileSelect): readonly string[] {
  if (name === '*') return [...PROPERTIES, ...FILE_PROPERTIES]
  const lower = name.toLowerCase()
  const isCast = lower.startsWith(CAST)
  const plain = isCast ? lower.slice(CAST.length) : lower
  const property = PROPERTIES.find((known) => known.toLowerCase() === plain)
  if (property && !isCast) return [property]
  const ofFile = FILE_PROPERTIES.find((known) => known.toLowerCase() === plain)
  if (ofFile && isCast === (style === 'cast')) return [ofFile]
  throw unknownProperty(name)
}

function unknownProperty(name: string): GraphError {
  return badRequest(
    `Could not find a property named '${name}' on type 'microsoft.graph.attachment'.`,
    'RequestBroker--ParseUri',
  )
}
