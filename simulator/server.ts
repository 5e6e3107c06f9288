import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type Answer, bodyContent, JSON_TYPE } from './answer.ts'
import { Content } from './content.ts'
import type { WireFault } from './faults.ts'
import type { Gates } from './gates.ts'
import { drained, type PreparedBody, sendBody } from './send-body.ts'

const compress = promisify(gzip)
// Below this gzip gains nothing.
const LEAST_TO_COMPRESS = 1024
const MOST_TO_HOLD = 256 * 1024
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
  answer: Answer | { stream: Iterable<string> | AsyncIterable<string>; contentType: string }
  wire?: WireFault | undefined
  /** Called directly before the last byte, with the size of the body. */
  done?: (bytes: number) => void
}

export type Handler = (request: Incoming) => Promise<Outgoing>

export async function listen(
  handler: Handler,
  { key, cert, port, host, gates }: { key: string; cert: string; port: number; host: string; gates: Gates },
): Promise<Server> {
  const server = createServer({ key, cert }, (request, response) => {
    handle(handler, gates, request, response).catch((error: unknown) => {
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

async function handle(
  handler: Handler,
  gates: Gates,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
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
  const finish = (bytes: number) => done?.(bytes)
  if (gone.signal.aborted) return finish(0)
  if ('stream' in answer) return sendStream(response, answer.stream, answer.contentType)
  if (wire?.kind === 'hang') return hang(gone.signal, () => finish(0))
  if (wire?.kind === 'reset') {
    finish(0)
    request.socket.destroy()
    return
  }
  const acceptsGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
  const prepared = await prepare(answer, acceptsGzip)
  await sendBody(response, answer.status, prepared, { wire, gates, signal: gone.signal, finish })
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

async function prepare(answer: Answer, acceptsGzip: boolean): Promise<PreparedBody> {
  const { headers, body, encoded } = answer
  if (encoded) {
    const named = { ...headers, 'content-encoding': encoded.encoding }
    return { headers: named, content: Content.of(...encoded.pieces), isHeld: true }
  }
  const content = bodyContent(answer)
  const typed = body === undefined ? headers : { 'content-type': JSON_TYPE, ...headers }
  // What is made while it is sent is sent as it is: it must not be held, and attachments hardly shrink.
  const isHeld = !(body instanceof Content) || content.size <= MOST_TO_HOLD
  if (!acceptsGzip || content.size < LEAST_TO_COMPRESS || !isHeld) return { headers: typed, content, isHeld }
  const compressed = await compress(content.bytes(), { level: 1 })
  return { headers: { ...typed, 'content-encoding': 'gzip' }, content: Content.of(compressed), isHeld }
}

function hang(signal: AbortSignal, finish: () => void): void {
  if (signal.aborted) finish()
  else signal.addEventListener('abort', finish, { once: true })
}

async function sendStream(
  response: ServerResponse,
  lines: Iterable<string> | AsyncIterable<string>,
  contentType: string,
): Promise<void> {
  response.writeHead(200, { 'content-type': contentType })
  for await (const line of lines) {
    if (response.write(line)) continue
    if (response.destroyed) return
    await drained(response)
  }
  response.end()
}
