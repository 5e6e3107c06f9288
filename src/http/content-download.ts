import { Readable } from 'node:stream'
import { create as contentDisposition } from 'content-disposition'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { parse as parseRange } from 'range-parser'
import type { Blob } from '../copying/blob-store.ts'
import type { EmailReader, StoredContent } from '../copying/stored-email.ts'
import { AppError } from '../errors.ts'
import type { ApiDeps } from './api-server.ts'

type Asking = Pick<FastifyRequest, 'headers' | 'method'>

/** A name of a type and nothing else: what a mail says of its parts is not to be trusted. */
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/

/** Answers a download: as a file to be saved and never as a page, whole or a range of it. */
export async function sendContent(
  content: StoredContent,
  request: Asking,
  reply: FastifyReply,
  { blobs, emails }: Pick<ApiDeps, 'blobs' | 'emails'>,
) {
  const { blob } = content
  if (!blob) throw notStored()
  if (!(await blobs.has(blob))) return lost(blob, emails)

  const etag = `"${blob.sha256}"`
  reply.headers({
    // A stored page must never run in the origin of the API, whatever a browser makes of it.
    'content-security-policy': "sandbox; default-src 'none'",
    'content-disposition': contentDisposition(safeName(content.name)),
    'accept-ranges': 'bytes',
    etag,
  })
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  reply.type(MEDIA_TYPE.test(content.contentType ?? '') ? (content.contentType ?? '') : 'application/octet-stream')

  const range = rangeOf(request, blob, etag)
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${blob.size}`)
    throw new AppError('range_not_satisfiable', `The content has ${blob.size} bytes: ask for a range within them`)
  }
  reply.header('content-length', range ? range.last - range.first + 1 : blob.size)
  if (range) reply.code(206).header('content-range', `bytes ${range.first}-${range.last}/${blob.size}`)
  // An empty stream: without one Fastify sets the length to nothing.
  if (request.method === 'HEAD') return reply.send(Readable.from([]))

  const bytes = await blobs.read(blob, range)
  if (!bytes) return lost(blob, emails)
  return reply.send(Readable.from(bytes, { objectMode: false }))
}

/** So that the next run fetches it again. */
async function lost(blob: Blob, emails: EmailReader): Promise<never> {
  await emails.forgetBlob(blob)
  const message = 'The blob store no longer has this content: start the connection again, which fetches it once more'
  throw new AppError('content_lost', message)
}

/** One range, or none; several at once are answered with the whole, as HTTP allows. */
function rangeOf({ headers }: Asking, { size }: Blob, etag: string) {
  if (headers.range === undefined) return undefined
  if (headers['if-range'] !== undefined && headers['if-range'] !== etag) return undefined
  const { type, ranges } = parseRange(size, headers.range)
  if (type !== 'bytes' || ranges.length > 1) return undefined
  const [range] = ranges
  return range ? { first: range.start, last: range.end } : ('unsatisfiable' as const)
}

/** A name for one file: nothing of a path, nothing that a terminal or a shell would act on. */
function safeName(name: string | null): string {
  const last = (name ?? '').split(/[/\\]/).at(-1) ?? ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be taken out
  const plain = last.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069"]/g, '').trim()
  return plain.replace(/^\.+/, '').slice(0, 255) || 'attachment'
}

export function notStored(): AppError {
  const message =
    'This content is not stored: it was not asked for (options.attachments, options.mime), is a link, is still to be ' +
    'fetched, or could not be read; the ledger (skipped) says which'
  return new AppError('content_not_stored', message)
}
