/** What the simulator wants to send, before it is put on the wire. */
export interface Answer {
  status: number
  headers: Record<string, string>
  /** An object is sent as JSON; pieces are ready-made bytes. */
  body: object | string | Buffer | undefined
  /** Set when the pieces are already compressed. */
  encoded?: { pieces: Buffer[]; encoding: 'gzip' }
  /** How many messages the answer holds, for the latency per message. */
  messages?: number
  /** The nextLink of ready-made pages, which cannot be read back from their bytes. */
  next?: string
}

export function json(body: object, headers: Record<string, string> = {}): Answer {
  return { status: 200, headers, body }
}

export function text(body: string | Buffer, contentType: string): Answer {
  return { status: 200, headers: { 'content-type': contentType }, body }
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
