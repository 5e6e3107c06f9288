import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { BodyTooLargeError, CutBodyError, RequestTimeoutError } from './classify-network-error.ts'
import { readableBody } from './streamed-body.ts'
import { VirtualClock } from './testing/clocks.ts'

const MEBIBYTE = 1024 * 1024
const TIMEOUT_MS = 120_000

/** A body that brings a piece of `bytes` every `everyMs`, `pieces` times. */
async function* slowly(clock: VirtualClock, pieces: number, bytes: number, everyMs: number) {
  for (let sent = 0; sent < pieces; sent++) {
    await clock.sleep(everyMs)
    yield new Uint8Array(bytes)
  }
}

function arrange(maxBytes = 256 * MEBIBYTE) {
  const clock = new VirtualClock()
  return { clock, bounds: { clock, progressTimeoutMs: TIMEOUT_MS, maxBytes } }
}

async function sizeOf(body: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0
  for await (const piece of body) bytes += piece.length
  return bytes
}

test('a large body may take as long as it needs while it comes on', async () => {
  const { clock, bounds } = arrange()
  const size = sizeOf(readableBody(slowly(clock, 205, MEBIBYTE, 100_000), 'identity', bounds))
  await clock.pass(205 * 100_000)
  assert.equal(await size, 205 * MEBIBYTE)
  assert.equal(clock.sleepers, 0)
})

test('a body that trickles is given up when a mebibyte takes too long', async () => {
  const { clock, bounds } = arrange()
  const taken = assert.rejects(
    sizeOf(readableBody(slowly(clock, 1_000, 1_024, 10_000), 'identity', bounds)),
    RequestTimeoutError,
  )
  await clock.pass(TIMEOUT_MS)
  await taken
})

test('the time that is spent on taking the bytes is not held against the body', async () => {
  const { clock, bounds } = arrange()
  const take = async () => {
    for await (const _ of readableBody(slowly(clock, 5, 1_024, 1_000), 'identity', bounds)) await clock.sleep(600_000)
    return 'taken'
  }
  const taken = take()
  await clock.pass(5 * 601_000)
  assert.equal(await taken, 'taken')
})

test('gzip is undone piece by piece, and its damage is a cut body', async () => {
  const { bounds } = arrange()
  const zipped = gzipSync(Buffer.alloc(3 * MEBIBYTE))
  assert.equal(await sizeOf(readableBody(once(zipped), 'gzip', bounds)), 3 * MEBIBYTE)
  await assert.rejects(sizeOf(readableBody(once(zipped.subarray(0, 2_000)), 'gzip', bounds)), CutBodyError)
  await assert.rejects(sizeOf(readableBody(once(Buffer.from('no gzip')), 'gzip', bounds)), CutBodyError)
})

test('a body that unpacks to more than any mail is given up', async () => {
  const { bounds } = arrange(2 * MEBIBYTE)
  const zipped = gzipSync(Buffer.alloc(3 * MEBIBYTE))
  await assert.rejects(sizeOf(readableBody(once(zipped), 'gzip', bounds)), BodyTooLargeError)
})

test('a coding that was not asked for is a broken answer', () => {
  assert.throws(() => readableBody(once(Buffer.from('x')), 'br', arrange().bounds), CutBodyError)
})

async function* once(bytes: Uint8Array) {
  yield bytes
}
