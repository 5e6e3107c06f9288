import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import net from 'node:net'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { pino } from 'pino'
import { AppError } from '../errors.ts'
import { Failure } from './contract.ts'
import { aServer, assertFits } from './test-support.ts'

test('health is 200 with the version while the process lives', async () => {
  const response = await aServer({ checkReady: () => Promise.reject(new Error('no')) }).server.inject('/health')
  assert.equal(response.statusCode, 200)
  assert.deepEqual(response.json(), { status: 'ok', version: '1.2.3' })
})

test('ready is 200, or 503 with the reason', async () => {
  assert.deepEqual((await aServer().server.inject('/ready')).json(), { status: 'ready' })
  const reasons: [error: Error, code: string][] = [
    [new AppError('database_unavailable', 'The database does not answer'), 'database_unavailable'],
    [new TypeError('inside'), 'internal_error'],
  ]
  for (const [error, code] of reasons) {
    const response = await aServer({ checkReady: () => Promise.reject(error) }).server.inject('/ready')
    assert.equal(response.statusCode, 503)
    assert.equal(response.json().status, 'not_ready')
    assert.equal(response.json().code, code)
    assert.doesNotMatch(response.body, /inside/)
  }
})

test('an unknown path is a 404 in JSON', async () => {
  for (const url of [
    '/',
    '/nothing',
    '/api/emails',
    '/api/emails/extract/status/conn1/',
    '/api/emails/extract/go/conn1',
  ]) {
    const response = await aServer().server.inject(url)
    assert.equal(response.statusCode, 404, url)
    assertFits(Failure, response.json())
    assert.equal(response.json().code, 'route_not_found')
  }
})

test('a known path with another method is a 405 that says which one', async () => {
  for (const [method, url, allow] of [
    ['GET', '/api/emails/extract/start/conn1', 'POST'],
    ['POST', '/api/emails/extract/status/a%20b?x=1', 'GET'],
    ['PUT', '/api/emails/extract/batch/start', 'POST'],
    ['OPTIONS', '/api/emails/extract/batch/users/b1', 'GET'],
    ['DELETE', '/health', 'GET, HEAD'],
  ] as const) {
    const response = await aServer().server.inject({ method, url })
    assert.equal(response.statusCode, 405, url)
    assert.equal(response.headers.allow, allow)
    assert.equal(response.json().code, 'method_not_allowed')
  }
})

test('a log line names the route and never the path, which holds ids and addresses', async () => {
  const lines: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const { server, extractions } = aServer({ logger: pino({}, sink) })
  await server.inject('/api/emails/extract/status/user@example.com')
  await server.inject('/user@example.com')
  await server.inject('/api/emails/extract/status/%zz')
  extractions.findLatest = () => Promise.reject(new Error('broken'))
  await server.inject('/api/emails/extract/status/user@example.com')

  const [first] = lines.map((line) => JSON.parse(line))
  assert.equal(first.route, '/api/emails/extract/status/:connection_id')
  assert.equal(first.method, 'GET')
  assert.equal(first.statusCode, 200)
  assert.equal(typeof first.ms, 'number')
  assert.equal(typeof first.requestId, 'string')
  assert.doesNotMatch(lines.join(''), /user@example/)
  assert.equal(lines.filter((line) => line.includes('broken')).length, 1)
})

test('what is no HTTP is answered in JSON', async () => {
  const { server } = aServer()
  await using _server = server
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.server.address() as AddressInfo
  for (const [text, status] of [
    ['no http\r\n\r\n', '400 Bad Request'],
    [`GET /${'a'.repeat(40_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, '431 Request Header Fields Too Large'],
  ] as const) {
    const socket = net.connect(port, '127.0.0.1')
    socket.write(text)
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    await once(socket, 'close')
    assert.ok(answer.startsWith(`HTTP/1.1 ${status}\r\n`), answer)
    assertFits(Failure, JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))))
  }
})

test('time-outs bound how long a connection may keep us', () => {
  const { server } = aServer()
  const { headersTimeout, requestTimeout, keepAliveTimeout, timeout } = server.server
  for (const limit of [headersTimeout, requestTimeout, keepAliveTimeout, timeout]) {
    assert.ok(limit > 0 && limit <= 300_000)
  }
})
