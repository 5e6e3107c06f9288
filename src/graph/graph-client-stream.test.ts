import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { AppError } from '../errors.ts'
import type { ConnectionOptions } from './connections.ts'
import { RequestFailure } from './failure.ts'
import { arrange } from './testing/client.ts'
import { settled } from './testing/clocks.ts'
import { type Handler, refuse } from './testing/scripted-server.ts'

const CONTENT = 'a file '.repeat(1_000)
const whole: Handler = (_, response) => response.writeHead(200).end(CONTENT)
const asked = (url: string) => ({ url: `${url}/v1.0/file`, subject: 'attachment', shrinkable: 'item' }) as const
const code = (expected: string) => (error: unknown) => error instanceof AppError && error.code === expected
const isShrink = (error: unknown) => error instanceof RequestFailure && error.failure.kind === 'shrink'

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of bytes) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces).toString()
}

describe('a stream', () => {
  test('gives the bytes to the sink and answers what that made of them', async (t) => {
    const { client, server, limiter, meter } = await arrange(t, [whole])
    assert.equal(await client.stream(asked(server.url), collect), CONTENT)
    assert.equal(server.requests[0]?.headers.authorization, 'Bearer token-1')
    assert.equal(server.requests[0]?.headers.prefer, 'IdType="ImmutableId"')
    assert.equal(server.requests[0]?.headers.accept, '*/*')
    assert.equal(limiter.inFlight, 0)
    assert.deepEqual(meter.take(), { requests: 1, retries: 0 })
  })

  test('asks for attachments as they are, and for MIME, which is text, compressed', async (t) => {
    const { client, server } = await arrange(t, [whole])
    await client.stream(asked(server.url), collect)
    await client.stream({ ...asked(server.url), subject: 'mime' }, collect)
    const codings = server.requests.map(({ headers }) => headers['accept-encoding'])
    assert.deepEqual(codings, ['identity', 'gzip'])
  })

  test('undoes compression', async (t) => {
    const zipped: Handler = (_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(CONTENT))
    const { client, server } = await arrange(t, [zipped])
    assert.equal(await client.stream(asked(server.url), collect), CONTENT)
  })

  for (const ofLength of [true, false]) {
    test(`is whole though its memory is given back as it passes: ${ofLength ? 'of a known length' : 'in chunks'}`, async (t) => {
      const content = randomBytes(3_000_000)
      const inPieces: Handler = async (_, response) => {
        response.writeHead(200, ofLength ? { 'content-length': content.length } : {})
        // From many chunks in one read to many reads of one chunk.
        for (let from = 0, size = 1; from < content.length; from += size, size = (size * 3) % 100_000)
          if (!response.write(content.subarray(from, from + size))) await once(response, 'drain')
        response.end()
      }
      const { client, server } = await arrange(t, [inPieces])
      const passed: Uint8Array[] = []
      const taken = await client.stream(asked(server.url), async (bytes) => {
        const hash = createHash('sha256')
        for await (const piece of bytes) {
          hash.update(piece)
          passed.push(piece)
          await settled()
        }
        return hash.digest('hex')
      })
      assert.equal(taken, createHash('sha256').update(content).digest('hex'))
      const kept = passed.filter(({ length }) => length > 0)
      assert.ok(
        passed.length > 20 && kept.length < passed.length / 2,
        `${kept.length} of ${passed.length} pieces are still there`,
      )
    })
  }

  test('keeps its connection for the next one', async (t) => {
    const { client, server } = await arrange(t, [whole])
    await client.stream(asked(server.url), collect)
    await settled()
    await client.stream(asked(server.url), collect)
    assert.equal(server.connections(), 1)
  })

  test('comes no faster than the sink takes it, however large it is', async (t) => {
    const size = 64 * 1024 * 1024
    let sent = 0
    const large: Handler = (_, response) => {
      const send = () => {
        while (sent < size) {
          sent += 65_536
          if (!response.write(Buffer.alloc(65_536))) return response.once('drain', send)
        }
        return response.end()
      }
      send()
    }
    const { client, server } = await arrange(t, [large])
    let taken = 0
    let mostOnItsWay = 0
    await client.stream(asked(server.url), async (bytes) => {
      for await (const piece of bytes) {
        taken += piece.length
        await settled()
        mostOnItsWay = Math.max(mostOnItsWay, sent - taken)
      }
    })
    assert.equal(taken, size)
    // What sockets and streams hold: some megabytes on any system.
    assert.ok(mostOnItsWay < 16 * 1024 * 1024, `${mostOnItsWay} bytes were on their way`)
  })

  test('to another address than the configured one is not sent', async (t) => {
    const { client, server } = await arrange(t, [whole])
    const request = { ...asked(server.url), url: 'https://elsewhere.example/v1.0/file' }
    await assert.rejects(async () => client.stream(request, collect), code('graph_refused'))
    assert.equal(server.requests.length, 0)
  })
})

describe('what breaks off is streamed again from the start:', () => {
  const broken: Record<string, { answer: Handler; connection?: ConnectionOptions }> = {
    'a body cut short': {
      answer: (_, response) =>
        void response.writeHead(200, { 'content-length': '7000' }).write('a file', () => response.destroy()),
    },
    'a chunked body cut short': {
      answer: (_, response) => void response.writeHead(200).write('a file', () => response.destroy()),
    },
    'a compressed body cut short': {
      answer: (_, response) =>
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(CONTENT).subarray(0, 30)),
    },
    'a body that stands still': {
      answer: (_, response) => void response.writeHead(200).write('a file'),
      connection: { silenceTimeoutMs: 200 },
    },
    'silence before the first byte': { answer: () => {}, connection: { totalTimeoutMs: 200 } },
    'a connection that is reset': { answer: (request) => request.socket.resetAndDestroy() },
    'an answer without a byte': { answer: (_, response) => response.writeHead(200).end() },
    'a success without a body': { answer: (_, response) => response.writeHead(204).end() },
    'an internal error': { answer: refuse(500, 'InternalServerError') },
    'an empty 404': { answer: (_, response) => response.writeHead(404).end() },
    'a busy server': { answer: refuse(503, 'ErrorServerBusy', { headers: { 'retry-after': '3' } }) },
    'a token that is refused': { answer: refuse(401, 'InvalidAuthenticationToken') },
  }
  for (const [name, { answer, connection }] of Object.entries(broken)) {
    test(name, async (t) => {
      const { client, server, limiter, meter } = await arrange(t, [answer, whole], connection)
      assert.equal(await client.stream(asked(server.url), collect), CONTENT)
      assert.deepEqual(meter.take(), { requests: 2, retries: 1 })
      assert.equal(limiter.inFlight, 0)
    })
  }

  test('also when the sink makes nothing of it', async (t) => {
    const cut: Handler = (_, response) => void response.writeHead(200).write('a file', () => response.destroy())
    const { client, server } = await arrange(t, [cut, whole])
    assert.equal(await client.stream(asked(server.url), (bytes) => collect(bytes).catch(() => 'half')), CONTENT)
  })

  test('but not for ever: what never comes whole is blamed in the end', async (t) => {
    const cut: Handler = (_, response) => void response.writeHead(200).write('a file', () => response.destroy())
    const { client, server, limiter } = await arrange(t, [cut])
    await assert.rejects(client.stream(asked(server.url), collect), isShrink)
    assert.equal(server.requests.length, 6)
    assert.equal(limiter.inFlight, 0)
  })

  test('a sink is not bothered with an answer without a byte', async (t) => {
    const { client, server } = await arrange(t, [(_, response) => response.writeHead(200).end()])
    let calls = 0
    const sink = async () => void calls++
    await assert.rejects(client.stream(asked(server.url), sink), isShrink)
    assert.equal(calls, 0)
  })

  test('a throttled stream holds the whole mailbox back', async (t) => {
    const refused = refuse(429, 'ApplicationThrottled', { headers: { 'retry-after': '17' } })
    const { client, clock, limiter, server } = await arrange(t, [refused, whole])
    await client.stream(asked(server.url), collect)
    assert.deepEqual(clock.slept, [17_000])
    assert.equal(limiter.takeHeldBackMs(), 17_000)
  })
})

describe('a sink', () => {
  test('that fails ends the stream with its own error, whatever that looks like', async (t) => {
    const { client, server, limiter } = await arrange(t, [whole])
    for (const name of ['ENOSPC', 'ECONNRESET', 'EPIPE']) {
      const failure = Object.assign(new Error('the disk, or the store behind it'), { code: name })
      const sink = async (bytes: AsyncIterable<Uint8Array>) => {
        for await (const _ of bytes) throw failure
      }
      await assert.rejects(client.stream(asked(server.url), sink), (error) => error === failure)
      assert.equal(limiter.inFlight, 0)
    }
    assert.equal(server.requests.length, 3)
  })

  test('holds one of the four slots until it has taken the last byte', async (t) => {
    const { client, server, limiter } = await arrange(t, [whole])
    const go = Promise.withResolvers<void>()
    const sink = async (bytes: AsyncIterable<Uint8Array>) => {
      await go.promise
      await collect(bytes)
    }
    const streams = Array.from({ length: 5 }, () => client.stream(asked(server.url), sink))
    while (server.requests.length < 4) await settled()
    for (let i = 0; i < 20; i++) await settled()
    assert.equal(limiter.inFlight, 4)
    assert.equal(server.requests.length, 4)
    go.resolve()
    await Promise.all(streams)
    assert.equal(limiter.inFlight, 0)
  })

  test('that still writes when all has come holds no slot, for Graph has done its part', async (t) => {
    const { client, server, limiter } = await arrange(t, [whole])
    const disk = Promise.withResolvers<void>()
    const sink = async (bytes: AsyncIterable<Uint8Array>) => {
      await collect(bytes)
      await disk.promise
    }
    const streams = Array.from({ length: 5 }, () => client.stream(asked(server.url), sink))
    while (server.requests.length < 5 || limiter.inFlight > 0) await settled()
    disk.resolve()
    await Promise.all(streams)
    assert.equal(limiter.inFlight, 0)
  })

  test('gets the reason when the signal is aborted in the middle, and the slot is given back', async (t) => {
    const begun: Handler = (_, response) => void response.writeHead(200).write('a file')
    const { client, controller, server, limiter } = await arrange(t, [begun])
    const reason = new Error('paused')
    const sink = async (bytes: AsyncIterable<Uint8Array>) => {
      for await (const _ of bytes) controller.abort(reason)
    }
    await assert.rejects(client.stream(asked(server.url), sink), (error) => error === reason)
    assert.equal(limiter.inFlight, 0)
    assert.equal(server.requests.length, 1)
  })
})
