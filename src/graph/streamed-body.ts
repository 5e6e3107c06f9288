import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Clock } from '../clock.ts'
import { BodyTooLargeError, CutBodyError, cutBodyOr, RequestTimeoutError } from './classify-network-error.ts'
import { PassingMemory } from './passing-memory.ts'

interface StreamBounds {
  clock: Clock
  /** How long may be waited, over many pieces, for PROGRESS_BYTES of the body. */
  progressTimeoutMs: number
  /** Of the unpacked body. */
  maxBytes: number
}

// A transfer of 150 MB (the largest mail that Exchange keeps) may take minutes and be healthy, so its time as a whole
// has no bound; but a mebibyte in two minutes is slower than a modem, and a body that trickles on is none that comes.
const PROGRESS_BYTES = 1024 * 1024

/**
 * The body of an answer as it comes, its compression undone; fails for one that is cut, stands still or has no end. A piece is
 * there until the next one is asked for.
 */
export function readableBody(
  body: AsyncIterable<Uint8Array>,
  coding: string,
  { clock, progressTimeoutMs, maxBytes }: StreamBounds,
): AsyncIterable<Uint8Array> {
  if (coding === 'identity') return progressing(body, progressTimeoutMs, clock, new PassingMemory())
  // Who unpacks takes more pieces than one, so none is given back.
  if (coding === 'gzip') return bounded(gunzipped(progressing(body, progressTimeoutMs, clock)), maxBytes)
  throw new CutBodyError(`An answer came with the content coding ${coding}, not asked for`)
}

/**
 * Counts the time waited for the server only: whoever takes the bytes may be as slow as a disk is. Looks when a piece has
 * come, so without a timer for each of very many; that none comes at all is noticed by the connection.
 */
async function* progressing(
  body: AsyncIterable<Uint8Array>,
  timeoutMs: number,
  clock: Clock,
  memory?: PassingMemory,
): AsyncGenerator<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]()
  let waitedMs = 0
  let bytes = 0
  for (;;) {
    const since = clock.now()
    const piece = await nextOf(pieces)
    if (piece.done) return
    waitedMs += clock.now() - since
    if (waitedMs >= timeoutMs) throw new RequestTimeoutError()
    bytes += piece.value.length
    if (bytes >= PROGRESS_BYTES) {
      bytes = 0
      waitedMs = 0
    }
    memory?.comes(piece.value)
    yield piece.value
  }
}

async function nextOf(pieces: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
  try {
    return await pieces.next()
  } catch (error) {
    throw cutBodyOr(error)
  }
}

async function* gunzipped(wire: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip()
  pipeline(wire, gunzip, () => {}) // destroys `gunzip` with the error of `wire`, which is then thrown below
  try {
    for await (const piece of gunzip) yield piece
  } catch (cause) {
    const isDamage = cause instanceof Error && 'code' in cause && String(cause.code).startsWith('Z_')
    throw isDamage ? new CutBodyError('A compressed answer cannot be unpacked', { cause }) : cause
  }
}

async function* bounded(body: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.length
    if (bytes > maxBytes) throw new BodyTooLargeError('An unpacked answer is too large')
    yield piece
  }
}
