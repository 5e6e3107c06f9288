import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APP_WITHOUT_CONSENT, DISABLED_APP, EXPIRED_SECRET } from './login.ts'
import { startSimulator } from './simulator.ts'
import { TestClient } from './test-client.ts'

const REFUSALS = [
  { what: 'a wrong secret', form: { client_secret: 'wrong' }, status: 401, error: 'invalid_client', code: 7000215 },
  {
    what: 'an expired secret',
    form: { client_secret: EXPIRED_SECRET },
    status: 401,
    error: 'invalid_client',
    code: 7000222,
  },
  { what: 'no secret', form: { client_secret: '' }, status: 401, error: 'invalid_client', code: 7000216 },
  { what: 'an unknown app', form: { client_id: 'nobody' }, status: 400, error: 'unauthorized_client', code: 700016 },
  {
    what: 'a scope without /.default',
    form: { scope: 'https://graph.microsoft.com/Mail.Read' },
    status: 400,
    error: 'invalid_scope',
    code: 1002012,
  },
  {
    what: 'two scopes',
    form: { scope: 'https://graph.microsoft.com/.default https://a/.default' },
    status: 400,
    error: 'invalid_scope',
    code: 70011,
  },
  {
    what: 'a foreign resource',
    form: { scope: 'https://nowhere.example/.default' },
    status: 400,
    error: 'invalid_resource',
    code: 500011,
  },
  {
    what: 'another grant',
    form: { grant_type: 'password' },
    status: 400,
    error: 'unsupported_grant_type',
    code: 70003,
  },
  { what: 'no grant', form: { grant_type: '' }, status: 400, error: 'invalid_request', code: 9002313 },
  { what: 'an unknown tenant', tenant: 'nowhere', status: 400, error: 'invalid_request', code: 90002 },
  {
    what: 'a disabled app',
    form: { client_id: DISABLED_APP.clientId },
    status: 401,
    error: 'invalid_client',
    code: 7000112,
  },
  {
    what: 'a malformed assertion',
    form: { client_secret: '', client_assertion: 'x' },
    status: 401,
    error: 'invalid_client',
    code: 50027,
  },
  {
    what: 'an unknown certificate',
    form: { client_secret: '', client_assertion: 'a.b.c' },
    status: 401,
    error: 'invalid_client',
    code: 700027,
  },
]

test('every login that fails is refused with its AADSTS code', async () => {
  await using simulator = await startSimulator({ demo: false })
  await using client = new TestClient(simulator)
  for (const { what, form, tenant, status, error, code } of REFUSALS) {
    const answer = await client.login(form, tenant)
    assert.deepEqual([answer.status, answer.body.error, answer.body.error_codes], [status, error, [code]], what)
    assert.match(
      String(answer.body.error_description),
      new RegExp(`^AADSTS${code}: .* Trace ID: .* Correlation ID: .* Timestamp: `),
      what,
    )
  }
})

test('the values of the examples and a secret in the Authorization header log in', async () => {
  await using simulator = await startSimulator()
  await using client = new TestClient(simulator)
  const example = await client.login(
    { client_id: 'your_client_id', client_secret: 'your_client_secret' },
    'your_tenant_id',
  )
  assert.equal(example.status, 200)
  assert.equal((await client.get('/users/user@example.com/mailFolders/inbox')).status, 200)
  const { url, clientId, clientSecret } = simulator
  const basic = await fetchToken(client, url, {
    authorization: `Basic ${btoa(`${clientId}:${encodeURIComponent(clientSecret)}`)}`,
  })
  assert.equal(basic, 200)
})

test('a token ends after its lifetime, and a missing or mangled one is refused', async () => {
  let time = Date.UTC(2026, 0, 1)
  await using simulator = await startSimulator({ tokenLifetimeSeconds: 10, now: () => time })
  await using client = new TestClient(simulator)
  const login = await client.login()
  assert.equal(login.body.expires_in, 10)
  assert.equal((await client.get('/users')).status, 200)
  time += 10_000
  const expired = await client.get('/users')
  assert.deepEqual([expired.status, expired.body.error.code], [401, 'InvalidAuthenticationToken'])
  assert.match(expired.body.error.message, /expired/)
  for (const authorization of ['', 'Bearer x', `Bearer ${login.body.access_token}x`]) {
    const answer = await client.get('/users', { authorization })
    assert.deepEqual([answer.status, answer.body.error.code], [401, 'InvalidAuthenticationToken'])
  }
})

test('an app without consent gets a token but neither mail nor users', async () => {
  await using simulator = await startSimulator()
  await using client = new TestClient(simulator)
  const login = await client.login({
    client_id: APP_WITHOUT_CONSENT.clientId,
    client_secret: APP_WITHOUT_CONSENT.secret,
  })
  assert.equal(login.status, 200)
  const mail = await client.get('/users/user@example.com/messages')
  assert.deepEqual([mail.status, mail.body.error.code], [403, 'ErrorAccessDenied'])
  const users = await client.get('/users')
  assert.deepEqual([users.status, users.body.error.code], [403, 'Authorization_RequestDenied'])
})

async function fetchToken({ agent }: TestClient, url: string, headers: Record<string, string>): Promise<number> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: 'https://graph.microsoft.com/.default',
  }).toString()
  const { statusCode, body: answer } = await agent.request({
    origin: url,
    path: '/contoso.example/oauth2/v2.0/token',
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    body,
  })
  await answer.dump()
  return statusCode
}
