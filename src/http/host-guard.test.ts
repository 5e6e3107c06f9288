import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { aServer } from './test-support.ts'

const get = (headers: Record<string, string>, url = '/health') => aServer().server.inject({ url, headers })

for (const host of ['localhost', 'LOCALHOST:3006', '127.0.0.1:3006', '127.255.0.9', '[::1]', '[::1]:3006']) {
  test(`the Host ${host} is answered`, async () => {
    assert.equal((await get({ host })).statusCode, 200)
  })
}

for (const host of [
  'example.com',
  'localhost.example.com',
  '127.0.0.1.example.com',
  '127.0.0.256',
  '10.0.0.1:3006',
  '[::2]',
  'localhost:x',
]) {
  test(`the Host ${host} is a 403 host_refused on every path`, async () => {
    for (const url of ['/health', '/docs', '/nothing', '/api/emails/extract/status/conn1']) {
      const response = await get({ host }, url)
      assert.equal(response.statusCode, 403)
      assert.equal(response.json().code, 'host_refused')
    }
  })
}

test('another web page is refused, our own is not, and none is granted anything', async () => {
  for (const origin of ['https://example.com', 'null', 'http://localhost:9999']) {
    const response = await get({ host: 'localhost:3006', origin })
    assert.equal(response.statusCode, 403)
    assert.ok(Object.keys(response.headers).every((name) => !name.startsWith('access-control-')))
  }
  const response = await get({ host: 'localhost:3006', origin: 'http://localhost:3006' })
  assert.equal(response.statusCode, 200)
  assert.ok(Object.keys(response.headers).every((name) => !name.startsWith('access-control-')))
})

test('every answer forbids sniffing, framing and keeping', async () => {
  for (const url of ['/health', '/nothing', '/docs']) {
    const { headers } = await get({ host: 'localhost' }, url)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['x-frame-options'], 'DENY')
    assert.equal(headers['cache-control'], 'no-store')
  }
})

test('a request without a Host is a 403', async () => {
  const { server } = aServer()
  await using _server = server
  await server.listen({ host: '127.0.0.1', port: 0 })
  const socket = net.connect((server.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('GET /health HTTP/1.0\r\n\r\n')
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 403 /)
})
