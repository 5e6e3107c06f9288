import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { AppError } from '../errors.ts'
import type { ConnectionOptions } from './connections.ts'
import { BrokenAnswerError, RequestFailure } from './failure.ts'
import { arrange, page, pageAt } from './testing/client.ts'
import { settled } from './testing/clocks.ts'
import { type Handler, json, refuse } from './testing/scripted-server.ts'

const code = (expected: string) => (error: unknown) => error instanceof AppError && error.code === expected

describe('a request', () => {
  test('carries token, immutable ids, page size, gzip, a stable agent and an id of its own', async (t) => {
    const { client, server, request } = await arrange(t, [json(page)])
    await client.get({ ...request, maxPageSize: 250 })
    await settled() // a connection is free again a moment after its last byte
    await client.get(request)
    const [first, second] = server.requests
    assert.equal(first?.headers.authorization, 'Bearer token-1')
    assert.equal(first?.headers.prefer, 'IdType="ImmutableId", odata.maxpagesize=250')
    assert.equal(second?.headers.prefer, 'IdType="ImmutableId"')
    assert.equal(first?.headers['accept-encoding'], 'gzip')
    assert.equal(first?.headers['user-agent'], 'outlookmail/0.1')
    assert.match(String(first?.headers['client-request-id']), /^[0-9a-f-]{36}$/)
    assert.notEqual(first?.headers['client-request-id'], second?.headers['client-request-id'])
    assert.equal(server.connections(), 1)
  })

  test('is answered with the JSON, its size and how long it took', async (t) => {
    const { client, request } = await arrange(t, [json(page)])
    assert.deepEqual(await client.get(request), { value: page, bytes: JSON.stringify(page).length, elapsedMs: 0 })
  })

  test('takes a compressed answer', async (t) => {
    const zipped: Handler = (_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify(page)))
    const { client, request } = await arrange(t, [zipped])
    assert.deepEqual((await client.get(request)).value, page)
  })

  test('takes letters of any script, and an answer that begins with a byte order mark, as a plain number does', async (t) => {
    const any = { value: [{ id: 'Grüße, Привет, 你好, 👋' }] }
    const marked: Handler = (_, response) => response.writeHead(200).end(`\uFEFF${JSON.stringify(any)}`)
    const { client, request } = await arrange(t, [json(any), marked])
    for (const answer of ['without', 'with']) assert.deepEqual((await client.get(request)).value, any, answer)
  })

  test('to another address than the configured one is not sent', async (t) => {
    const { client, server } = await arrange(t, [json(page)])
    for (const url of ['https://elsewhere.example/v1.0/page', 'nonsense', server.url.replace('127.0.0.1', 'localhost')])
      await assert.rejects(client.get({ ...pageAt(server.url), url }), code('graph_refused'))
    assert.equal(server.requests.length, 0)
  })

  test('is one of four at most', async (t) => {
    const held: (() => void)[] = []
    const hold: Handler = (request, response) => void held.push(() => json(page)(request, response))
    const { client, server, request } = await arrange(t, [hold])
    const answers = Array.from({ length: 10 }, () => client.get(request))
    while (held.length < 4) await settled()
    for (let i = 0; i < 20; i++) await settled()
    assert.equal(server.requests.length, 4)
    const timer = setInterval(() => held.shift()?.(), 1)
    await Promise.all(answers)
    clearInterval(timer)
    assert.equal(server.requests.length, 10)
  })
})

describe('what time cures is repeated, and nothing is handed out before it is whole:', () => {
  const broken: Record<string, { script: Handler[]; retries?: number; connection?: ConnectionOptions }> = {
    'a connection that is reset': { script: [(request) => request.socket.resetAndDestroy()] },
    'a body cut short': {
      script: [
        (_, response) =>
          void response.writeHead(200, { 'content-length': '500' }).write('{"value":', () => response.destroy()),
      ],
    },
    'a chunked body cut short': {
      script: [(_, response) => void response.writeHead(200).write('{"value":', () => response.destroy())],
    },
    'a compressed body cut short': {
      script: [
        (_, response) =>
          response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify(page)).subarray(0, 20)),
      ],
    },
    'a body that is no JSON': { script: [(_, response) => response.writeHead(200).end('{"value": [')] },
    'an empty body': { script: [(_, response) => response.writeHead(200).end()] },
    'a success without a body': { script: [(_, response) => response.writeHead(204).end()] },
    'an empty 404': { script: [(_, response) => response.writeHead(404).end()] },
    silence: { script: [() => {}], connection: { totalTimeoutMs: 50 } },
    'a body that trickles without end': {
      script: [(_, response) => void response.writeHead(200).write('{')],
      connection: { totalTimeoutMs: 50 },
    },
    'a refusal whose body is cut': {
      script: [
        (_, response) =>
          void response.writeHead(500, { 'content-length': '500' }).write('{"err', () => response.destroy()),
      ],
    },
    'a refusal with a body without end': {
      script: [(_, response) => void response.writeHead(502).write('x'.repeat(1_000_000))],
    },
  }
  for (const [name, { script, connection }] of Object.entries(broken)) {
    test(name, async (t) => {
      const { client, meter, logged, server, request } = await arrange(t, [...script, json(page)], connection)
      assert.deepEqual((await client.get(request)).value, page)
      assert.deepEqual(meter.take(), { requests: 2, retries: 1 })
      assert.equal(server.requests.length, 2)
      assert.equal(logged.length, 1)
    })
  }

  test('a 200 that its reader does not take', async (t) => {
    const { client, server, request } = await arrange(t, [json({}), json(page)])
    const read = (body: unknown) => {
      if (JSON.stringify(body) === '{}') throw new BrokenAnswerError('no items')
      return body
    }
    assert.deepEqual((await client.get({ ...request, read })).value, page)
    assert.equal(server.requests.length, 2)
  })
})

describe('throttling', () => {
  test('fences the whole mailbox for as long as Retry-After says', async (t) => {
    const { client, clock, limiter, server, request } = await arrange(t, [
      refuse(429, 'TooManyRequests', { headers: { 'retry-after': '17' } }),
      json(page),
    ])
    await client.get(request)
    assert.deepEqual(clock.slept, [17_000])
    assert.equal(limiter.takeHeldBackMs(), 17_000)
    assert.equal(server.requests.length, 2)
  })

  test('measures a date in Retry-After by the clock of the server', async (t) => {
    const headers = { date: 'Wed, 01 Jul 2020 10:00:00 GMT', 'retry-after': 'Wed, 01 Jul 2020 10:00:30 GMT' }
    const { client, clock, request } = await arrange(t, [refuse(429, 'TooManyRequests', { headers }), json(page)])
    await client.get(request)
    assert.deepEqual(clock.slept, [30_000])
  })

  test('without Retry-After backs off', async (t) => {
    const refused = refuse(429, 'ErrorTooManyObjectsOpened')
    const { client, clock, request } = await arrange(t, [refused, refused, refused, json(page)])
    await client.get(request)
    assert.deepEqual(clock.slept, [1_000, 2_000, 4_000])
  })

  test('that is over after a long row of refusals costs nothing but time', async (t) => {
    const refused = refuse(429, 'ApplicationThrottled', { headers: { 'retry-after': '1' } })
    const { client, meter, request } = await arrange(t, [...Array(150).fill(refused), json(page)])
    await client.get(request)
    assert.deepEqual(meter.take(), { requests: 151, retries: 150 })
  })
})

test('after a 503 the next request takes another connection', async (t) => {
  const { client, server, request } = await arrange(t, [json(page), refuse(503, 'ErrorServerBusy'), json(page)])
  await client.get(request)
  await settled()
  await client.get(request)
  assert.equal(server.connections(), 2)
})

test('a token that Graph refuses is renewed, and the request repeated with the new one', async (t) => {
  const refused = refuse(401, 'InvalidAuthenticationToken')
  const { client, server, request } = await arrange(t, [refused, refused, json(page)])
  await client.get(request)
  assert.deepEqual(
    server.requests.map((sent) => sent.headers.authorization),
    ['Bearer token-1', 'Bearer token-2', 'Bearer token-3'],
  )
})

test('tokens that are never taken end in a clear refusal', async (t) => {
  const { client, server, request } = await arrange(t, [refuse(401, 'InvalidAuthenticationToken')])
  await assert.rejects(client.get(request), code('login_refused'))
  assert.equal(server.requests.length, 7)
})

test('an outage is given up in the end, naming what was wrong', async (t) => {
  const { client, server, request } = await arrange(t, [(sent) => sent.socket.resetAndDestroy()])
  await assert.rejects(
    client.get(request),
    (error) => code('graph_unavailable')(error) && /cannot be reached/.test(String(error)),
  )
  assert.equal(server.requests.length, 13)
})

test('what the caller decides is handed over: shrink, skip, restart', async (t) => {
  const { client, server } = await arrange(t, [
    refuse(500, 'ErrorCorruptData'),
    refuse(404, 'ErrorItemNotFound'),
    refuse(410, 'SyncStateNotFound'),
  ])
  for (const kind of ['shrink', 'skip', 'restart'])
    await assert.rejects(
      client.get(pageAt(server.url)),
      (error) => error instanceof RequestFailure && error.failure.kind === kind,
    )
})

test('an answer larger than we are willing to hold asks for a smaller page', async (t) => {
  const large = JSON.stringify({ value: ['x'.repeat(100_000)] })
  const plain: Handler = (_, response) => response.writeHead(200).end(large)
  const zipped: Handler = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(large))
  const { client, request } = await arrange(t, [plain, zipped], { maxBodyBytes: 50_000 })
  for (let i = 0; i < 2; i++)
    await assert.rejects(
      client.get(request),
      (error) => error instanceof RequestFailure && error.failure.kind === 'shrink',
    )
})

test('neither log nor error holds an address, a token or what the mail says', async (t) => {
  const { client, logged, server } = await arrange(t, [
    refuse(500, 'InternalServerError', {
      message: 'about ann@contoso.example',
      headers: { 'request-id': 'a-request' },
    }),
    (_, response) => response.writeHead(200).end('{"body": "dear ann@contoso.example'),
    refuse(400, 'BadRequest', { message: 'about ann@contoso.example' }),
  ])
  const request = { ...pageAt(`${server.url}`), url: `${server.url}/v1.0/users/ann@contoso.example` }
  const error: unknown = await client.get(request).catch((thrown: unknown) => thrown)
  assert.deepEqual(logged, [
    {
      reason: 'server_error',
      attempt: 1,
      delayMs: 1_000,
      statusCode: 500,
      code: 'InternalServerError',
      requestId: 'a-request',
    },
    { reason: 'broken_answer', attempt: 2, delayMs: 1_000, error: 'BrokenAnswerError' },
  ])
  const cause = error instanceof Error ? error.cause : undefined
  assert.doesNotMatch(`${error} ${cause} ${JSON.stringify([error, cause])}`, /ann@|token-1/)
})

test('a request that can still be repeated says why it waits', async (t) => {
  const { client, clock, request } = await arrange(t, [(sent) => sent.socket.resetAndDestroy(), json(page)])
  const waits: (string | undefined)[] = []
  const sleep = clock.sleep.bind(clock)
  clock.sleep = (ms, signal) => {
    queueMicrotask(() => waits.push(client.waitingFor()))
    return sleep(ms, signal)
  }
  await client.get(request)
  assert.deepEqual(waits, ['Graph cannot be reached'])
  assert.equal(client.waitingFor(), undefined)
})
