import { Content } from './content.ts'

export const JSON_TYPE = 'application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8'

/** What the simulator wants to send, before it is put on the wire. */
export interface Answer {
  status: number
  headers: Record<string, string>
  /** An object is sent as JSON unless it is bytes or a content, which is sent piece by piece. */
  body: object | string | Buffer | Content | undefined
  /** Ready-made bytes that are already compressed, in place of a body. */
  encoded?: { pieces: Buffer[]; encoding: 'gzip' }
  /** How many messages the answer holds, for the latency per message. */
  messages?: number
  /** Of them, those whose body had to be rendered. */
  bodies?: number
  /** The nextLink of ready-made pages, which cannot be read back from their bytes. */
  next?: string
}

export function json(body: object, headers: Record<string, string> = {}): Answer {
  return { status: 200, headers, body }
}

export function text(body: string | Buffer | Content, contentType: string): Answer {
  return { status: 200, headers: { 'content-type': contentType }, body }
}

/** The body as it goes over the wire, before anything compresses it. */
export function bodyContent({ body }: Answer): Content {
  if (body instanceof Content) return body
  if (body === undefined) return Content.of()
  return Content.of(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body))
}

export function isJson({ headers, body }: Answer): boolean {
  const type = headers['content-type']
  if (type !== undefined) return type.startsWith('application/json')
  return typeof body === 'object' && !Buffer.isBuffer(body)
}

/** A refusal in the form of Graph. Thrown anywhere below the Graph routes. */
export class GraphError extends Error {
  override readonly name = 'GraphError'

  readonly status: number
  readonly code: string
  readonly headers: Record<string, string>
  readonly inner: Record<string, unknown>

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Record<string, string> = {},
    inner: Record<string, unknown> = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
    this.inner = inner
  }
}

export interface ErrorIdentity {
  requestId: string
  clientRequestId: string
  date: Date
}

export function errorAnswer(error: GraphError, { requestId, clientRequestId, date }: ErrorIdentity): Answer {
  const innerError = {
    ...error.inner,
    date: date.toISOString().slice(0, 19),
    'request-id': requestId,
    'client-request-id': clientRequestId,
  }
  return {
    status: error.status,
    headers: error.headers,
    body: { error: { code: error.code, message: error.message, innerError } },
  }
}

export function badRequest(message: string, code = 'BadRequest'): GraphError {
  return new GraphError(400, code, message)
}

export function itemNotFound(): GraphError {
  return new GraphError(404, 'ErrorItemNotFound', 'The specified object was not found in the store.')
}
