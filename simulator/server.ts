import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Answer } from './answer.ts'
import type { WireFault } from './faults.ts'

const compress = promisify(gzip)
// Below this gzip gains nothing.
const LEAST_TO_COMPRESS = 1024
const LARGEST_BODY = 4 * 1024 * 1024

export interface Incoming {
  method: string
  pathAndQuery: string
  headers: Record<string, string>
  body: string
  /** Aborted when the client goes away before it has its answer. */
  signal: AbortSignal
}

export interface Outgoing {
  answer: Answer | { stream: Iterable<string>; contentType: string }
  wire?: WireFault | undefined
  /** Called directly before the last byte. */
  done?: () => void
}

export type Handler = (request: Incoming) => Promise<Outgoing>

export async function listen(
  handler: Handler,
  { key, cert, port, host }: { key: string; cert: string; port: number; host: string },
): Promise<Server> {
  const server = createServer({ key, cert }, (request, response) => {
    handle(handler, request, response).catch((error: unknown) => {
      // A bug of the simulator. Shown, since a test that sees only a dropped connection would blame the wrong side.
      console.error(error)
      response.destroy()
    })
  })
  // Longer than any client keeps an idle connection, so that the simulator never closes one that is about to be used.
  server.keepAliveTimeout = 120_000
  server.requestTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return server
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

export async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

async function handle(handler: Handler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  response.on('error', () => {})
  const body = await readBody(request)
  if (body === undefined) return
  const { answer, wire, done } = await handler({
    method: request.method ?? 'GET',
    pathAndQuery: request.url ?? '/',
    headers: headersOf(request),
    body,
    signal: gone.signal,
  })
  const finish = () => done?.()
  if (gone.signal.aborted) return finish()
  if ('stream' in answer) return sendStream(response, answer.stream, answer.contentType)
  if (wire?.kind === 'hang') return hang(gone.signal, finish)
  if (wire?.kind === 'reset') {
    finish()
    request.socket.destroy()
    return
  }
  const prepared = await bodyOf(answer, wire, /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? '')))
  if (gone.signal.aborted) return finish()
  if (wire?.kind === 'cut') {
    finish()
    return cut(response, answer.status, prepared, wire)
  }
  response.writeHead(answer.status, { ...prepared.headers, 'content-length': prepared.length })
  const last = prepared.pieces.at(-1)
  // A page of many blocks leaves in one go.
  response.cork()
  for (const piece of prepared.pieces.slice(0, -1)) response.write(piece)
  finish()
  response.end(last)
}

function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > LARGEST_BODY) return undefined
      chunks.push(chunk)
    }
  } catch {
    // The client went away while sending.
    return undefined
  }
  return Buffer.concat(chunks).toString()
}

interface Prepared {
  headers: Record<string, string>
  pieces: Buffer[]
  length: number
}

async function bodyOf(
  { headers, body, encoded }: Answer,
  wire: WireFault | undefined,
  acceptsGzip: boolean,
): Promise<Prepared> {
  if (encoded) return piecesOf({ ...headers, 'content-encoding': encoded.encoding }, encoded.pieces)
  if (body === undefined) return piecesOf(headers, [])
  const typed = {
    'content-type': 'application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8',
    ...headers,
  }
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const whole = Buffer.from(text as string)
  const bytes = wire?.kind === 'broken_json' ? whole.subarray(0, Math.floor(whole.length / 2)) : whole
  if (!acceptsGzip || bytes.length < LEAST_TO_COMPRESS) return piecesOf(typed, [bytes])
  return piecesOf({ ...typed, 'content-encoding': 'gzip' }, [await compress(bytes, { level: 1 })])
}

function piecesOf(headers: Record<string, string>, pieces: Buffer[]): Prepared {
  return { headers, pieces, length: pieces.reduce((sum, piece) => sum + piece.length, 0) }
}

/** The head promises the whole body; the connection ends after a part of it. */
function cut(
  response: ServerResponse,
  status: number,
  { headers, pieces, length }: Prepared,
  { after, chunked }: { after: number; chunked: boolean },
): void {
  response.writeHead(status, chunked ? headers : { ...headers, 'content-length': length })
  const part = Buffer.concat(pieces).subarray(0, Math.min(after, Math.max(0, length - 1)))
  response.flushHeaders()
  response.write(part, () => response.destroy())
}

function hang(signal: AbortSignal, finish: () => void): void {
  if (signal.aborted) finish()
  else signal.addEventListener('abort', finish, { once: true })
}

async function sendStream(response: ServerResponse, lines: Iterable<string>, contentType: string): Promise<void> {
  response.writeHead(200, { 'content-type': contentType })
  for (const line of lines) {
    if (response.write(line)) continue
    if (response.destroyed) return
    await new Promise<void>((resolve) => {
      response.once('drain', resolve)
      response.once('close', resolve)
    })
  }
  response.end()
}
