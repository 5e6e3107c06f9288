import type { IncomingHttpHeaders } from 'node:http'
import { promisify } from 'node:util'
import { gunzipSync, gunzip as gunzipWithCallback } from 'node:zlib'
import { Agent, type Dispatcher, request } from 'undici'
import { systemClock } from '../clock.ts'
import { ownTurn } from '../own-turn.ts'
import { BodyTooLargeError, CutBodyError, cutBodyOr, RequestTimeoutError } from './classify-network-error.ts'
import { readIntoMemoryOfItsOwn } from './passing-memory.ts'
import { readableBody } from './streamed-body.ts'

const gunzip = promisify(gunzipWithCallback)

/** What bounds one request. Graph gives up after about 30 s by itself; what is silent for twice that is dead. */
export interface ConnectionOptions {
  /** Certificates to trust besides the well-known ones. */
  ca?: string | undefined
  connectTimeoutMs?: number
  /** Until the headers, and between two pieces of the body. */
  silenceTimeoutMs?: number
  /** From the request to the last byte; of a streamed body to its first, and then from one mebibyte to the next. */
  totalTimeoutMs?: number
  /** A bound against answers without end: pages are a few megabytes, the MIME of the largest mail (150 MB) is 205. */
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
// To hand less to another thread and to hear of its end costs more than to unpack it.
const LEAST_TO_HAND_OVER = 16 * 1024
// As it comes over the wire; unpacked, decoded and parsed in a few milliseconds.
const MUCH_TO_READ = 50_000
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
    const deadline = new Deadline(signal, this.#options.totalTimeoutMs)
    try {
      const answer = await request(url, { dispatcher: agent, method: 'GET', headers, signal: deadline.signal })
      const body = answer.statusCode >= 400 ? await beginningOf(answer.body) : await wholeOf(answer.body)
      return { statusCode: answer.statusCode, headers: answer.headers, body, generation: agent }
    } catch (error) {
      throw deadline.reasonOr(error)
    } finally {
      deadline.end()
    }
  }

  /** One request, whose body is taken as it comes, no faster than `take` asks for it; only a 200 has one to take. */
  async stream<Taken>(
    url: string,
    headers: Record<string, string>,
    signal: AbortSignal,
    take: (body: AsyncIterable<Uint8Array>) => Promise<Taken>,
  ): Promise<{ taken: Taken } | { refused: RawAnswer }> {
    const agent = this.#agent
    const { totalTimeoutMs, maxBodyBytes } = this.#options
    const deadline = new Deadline(signal, totalTimeoutMs)
    let body: Body | undefined
    try {
      const answer = await request(url, { dispatcher: agent, method: 'GET', headers, signal: deadline.signal })
      body = answer.body.on('error', () => {}) // whoever reads it hears of it; when nobody does, nothing is lost
      if (answer.statusCode !== 200) {
        const { statusCode, headers } = answer
        return { refused: { statusCode, headers, body: await beginningOf(body), generation: agent } }
      }
      deadline.lift()
      const bounds = { clock: systemClock, progressTimeoutMs: totalTimeoutMs, maxBytes: maxBodyBytes }
      return { taken: await take(readableBody(body, codingOf(answer.headers), bounds)) }
    } catch (error) {
      throw deadline.reasonOr(error)
    } finally {
      deadline.end()
      body?.destroy() // of a body read to its end the connection lives on
    }
  }

  /**
   * The body as text, in a turn of the caller's own where it is much; throws a CutBodyError for what is damaged. It is unpacked,
   * off the main thread, when it can be read soon: to have many unpacked at once, and to give that memory back and get it anew,
   * costs more than to read them.
   */
  async decode(answer: RawAnswer): Promise<string> {
    const coding = codingOf(answer.headers)
    const isMuch = answer.body.length > MUCH_TO_READ
    if (isMuch) await ownTurn('unpack')
    const bytes = coding === 'identity' ? answer.body : await this.#unpack(answer.body, coding)
    if (isMuch) await ownTurn('parse')
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
      connect: { timeout: connectTimeoutMs, onread: readIntoMemoryOfItsOwn, ...(ca !== undefined && { ca }) },
      headersTimeout: silenceTimeoutMs,
      bodyTimeout: silenceTimeoutMs,
      maxResponseSize: maxBodyBytes,
      // Longer than the pauses in which a page is stored, shorter than what load balancers keep (4 minutes on Azure).
      keepAliveTimeout: 60_000,
    })
  }

  async #unpack(body: Uint8Array, coding: string): Promise<Uint8Array> {
    if (coding !== 'gzip') throw new CutBodyError(`An answer came with the content coding ${coding}, not asked for`)
    const options = { maxOutputLength: this.#options.maxBodyBytes, chunkSize: chunkSizeFor(body) }
    try {
      return body.length < LEAST_TO_HAND_OVER ? gunzipSync(body, options) : await gunzip(body, options)
    } catch (cause) {
      const isTooLarge = cause instanceof RangeError
      throw isTooLarge
        ? new BodyTooLargeError('An unpacked answer is too large', { cause })
        : new CutBodyError('A compressed answer cannot be unpacked', { cause })
    }
  }
}

/** Ends a request with its caller's signal, or when it has taken too long. */
class Deadline {
  readonly #outer: AbortSignal
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #stop = () => this.#controller.abort(this.#outer.reason)

  constructor(outer: AbortSignal, ms: number) {
    outer.throwIfAborted()
    this.#outer = outer
    this.#timer = setTimeout(() => this.#controller.abort(new RequestTimeoutError()), ms)
    outer.addEventListener('abort', this.#stop, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** From now on only the caller's signal ends it. */
  lift(): void {
    clearTimeout(this.#timer)
  }

  reasonOr(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#outer.removeEventListener('abort', this.#stop)
  }
}

/** Gives the memory of a page back at once: the garbage collector takes its time with what lies outside its heap. */
function free(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) buffer.transfer(0)
}

function codingOf(headers: IncomingHttpHeaders): string {
  return String(headers['content-encoding'] ?? 'identity')
}

type Body = Dispatcher.ResponseData['body']

async function wholeOf(body: Body): Promise<Uint8Array> {
  try {
    return await body.bytes()
  } catch (cause) {
    throw cutBodyOr(cause)
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
