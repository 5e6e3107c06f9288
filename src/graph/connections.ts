import type { IncomingHttpHeaders } from 'node:http'
import { promisify } from 'node:util'
import { gunzip as gunzipWithCallback } from 'node:zlib'
import { Agent, type Dispatcher, request } from 'undici'
import { BodyTooLargeError, CutBodyError, RequestTimeoutError } from './classify-network-error.ts'

const gunzip = promisify(gunzipWithCallback)

/** What bounds one request. Graph gives up after about 30 s by itself; what is silent for twice that is dead. */
export interface ConnectionOptions {
  /** Certificates to trust besides the well-known ones. */
  ca?: string | undefined
  connectTimeoutMs?: number
  /** Until the headers, and between two pieces of the body. */
  silenceTimeoutMs?: number
  /** From the request to the last byte. */
  totalTimeoutMs?: number
  /** A bound against answers without end; real pages are a few megabytes. */
  maxBodyBytes?: number
}

export interface RawAnswer {
  statusCode: number
  headers: IncomingHttpHeaders
  /** As it came over the wire: `decode` undoes its compression. */
  body: Uint8Array
  /** Names the connections that carried it, for `leave`. */
  generation: object
}

// The errors of Graph are a few hundred bytes; what is longer is a proxy's page.
const MAX_ERROR_BYTES = 64 * 1024
// Most that is taken at once for an unpacked body on the word of its trailer.
const MAX_CHUNK_BYTES = 16 * 1024 * 1024

/** Kept-alive connections to Graph, shared by all mailboxes. */
export class Connections {
  readonly #options: Required<Omit<ConnectionOptions, 'ca'>> & { ca: string | undefined }
  #agent: Agent

  constructor(options: ConnectionOptions = {}) {
    this.#options = {
      ca: options.ca,
      connectTimeoutMs: options.connectTimeoutMs ?? 15_000,
      silenceTimeoutMs: options.silenceTimeoutMs ?? 60_000,
      totalTimeoutMs: options.totalTimeoutMs ?? 120_000,
      maxBodyBytes: options.maxBodyBytes ?? 256 * 1024 * 1024,
    }
    this.#agent = this.#newAgent()
  }

  /** One request, one answer, whole. Bodies of errors are cut to what a Graph error can be. */
  async get(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<RawAnswer> {
    const agent = this.#agent
    const deadline = new AbortController()
    const stop = () => deadline.abort(signal.reason)
    const timer = setTimeout(() => deadline.abort(new RequestTimeoutError()), this.#options.totalTimeoutMs)
    signal.addEventListener('abort', stop, { once: true })
    try {
      signal.throwIfAborted()
      const answer = await request(url, { dispatcher: agent, method: 'GET', headers, signal: deadline.signal })
      const body = answer.statusCode >= 400 ? await beginningOf(answer.body) : await wholeOf(answer.body)
      return { statusCode: answer.statusCode, headers: answer.headers, body, generation: agent }
    } catch (error) {
      if (deadline.signal.aborted) throw deadline.signal.reason
      throw error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }

  /** The body as text. Off the main thread where it is compressed; throws a CutBodyError for what is damaged. */
  async decode(answer: RawAnswer): Promise<string> {
    const coding = answer.headers['content-encoding'] ?? 'identity'
    const bytes = coding === 'identity' ? answer.body : await this.#unpack(answer.body, String(coding))
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
    free(bytes)
    return text
  }

  /** From now on no request takes a connection of that generation; those under way end in peace. */
  leave(generation: object): void {
    // A burst of refusals comes from one generation; leaving it once is enough.
    if (generation !== this.#agent) return
    const old = this.#agent
    this.#agent = this.#newAgent()
    old.close().catch(() => {}) // nothing depends on how it ends
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  #newAgent(): Agent {
    const { ca, connectTimeoutMs, silenceTimeoutMs, maxBodyBytes } = this.#options
    return new Agent({
      // Graph at times resets single streams of HTTP/2 in ways that clients report as cut bodies.
      allowH2: false,
      connect: { timeout: connectTimeoutMs, ...(ca !== undefined && { ca }) },
      headersTimeout: silenceTimeoutMs,
      bodyTimeout: silenceTimeoutMs,
      maxResponseSize: maxBodyBytes,
      // Longer than the pauses in which a page is stored, shorter than what load balancers keep (4 minutes on Azure).
      keepAliveTimeout: 60_000,
    })
  }

  async #unpack(body: Uint8Array, coding: string): Promise<Uint8Array> {
    if (coding !== 'gzip') throw new CutBodyError(`An answer came with the content coding ${coding}, not asked for`)
    try {
      return await gunzip(body, { maxOutputLength: this.#options.maxBodyBytes, chunkSize: chunkSizeFor(body) })
    } catch (cause) {
      const isTooLarge = cause instanceof RangeError
      throw isTooLarge
        ? new BodyTooLargeError('An unpacked answer is too large', { cause })
        : new CutBodyError('A compressed answer cannot be unpacked', { cause })
    }
  }
}

/** Gives the memory of a page back at once: the garbage collector takes its time with what lies outside its heap. */
function free(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) buffer.transfer(0)
}

type Body = Dispatcher.ResponseData['body']

async function wholeOf(body: Body): Promise<Uint8Array> {
  try {
    return await body.bytes()
  } catch (cause) {
    // Once the headers are there, a socket that ends early is a body cut short: a smaller page may get through.
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    throw code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
      ? new CutBodyError('An answer ended early', { cause })
      : cause
  }
}

/** The first bytes of an error's body; what cannot be read is as good as empty, for the status is known. */
async function beginningOf(body: Body): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= MAX_ERROR_BYTES) break
    }
  } catch {
    // cut short: judged by what came
  }
  return Buffer.concat(chunks)
}

/** gzip ends with the size of what it holds: with room for all of it at once nothing has to be joined afterwards. */
function chunkSizeFor(body: Uint8Array): number {
  if (body.length < 18) return 1024
  const size = new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(body.length - 4, true)
  return Math.min(Math.max(size + 1, 1024), MAX_CHUNK_BYTES)
}
