import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Failure } from './failure.ts'
import { GraphUrl } from './graph-url.ts'
import { LoginError, microsoftLogin } from './login.ts'
import type { SendLoginRequest } from './login-request.ts'

const auth = { kind: 'secret' as const, tenantId: 'contoso.example', clientId: 'an-app', clientSecret: 'a-secret' }
const loginUrl = 'https://login.test.example'

type Reply = { status: number; body: unknown; headers?: Record<string, string> } | Error

/** Microsoft's library itself, with these answers to its token requests in place of the wire. */
function loginAnswering(...replies: Reply[]) {
  const sent: { url: string; body: string }[] = []
  const send: SendLoginRequest = async ({ url, body }) => {
    const isMetadata = url.includes('.well-known')
    if (!isMetadata) sent.push({ url, body: String(body) })
    const reply = isMetadata ? metadata() : replies.length > 1 ? replies.shift() : replies[0]
    if (!reply || reply instanceof Error) throw reply
    const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body)
    return { status: reply.status, headers: reply.headers ?? {}, body: text }
  }
  return { sent, login: microsoftLogin({ loginUrl, graphUrl: new GraphUrl('https://graph.test.example'), send }) }
}

function metadata(): Reply {
  const authority = `${loginUrl}/${auth.tenantId}`
  const body = {
    issuer: `${authority}/v2.0`,
    authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
    token_endpoint: `${authority}/oauth2/v2.0/token`,
    jwks_uri: `${authority}/keys`,
  }
  return { status: 200, body }
}

function refusal(status: number, error: string, number?: number): Reply {
  const error_description = `AADSTS${number}: for app 'an-app' in tenant contoso.example. Trace ID: t Correlation ID: c`
  return { status, body: { error, error_description, ...(number && { error_codes: [number] }) } }
}

async function failureOf(reply: Reply): Promise<Failure> {
  const error: unknown = await loginAnswering(reply)
    .login(auth)
    .catch((thrown: unknown) => thrown)
  assert.ok(error instanceof LoginError, String(error))
  return error.failure
}

test('a login asks once for everything that the app was granted at Graph', async () => {
  const { login, sent } = loginAnswering({
    status: 200,
    body: { token_type: 'Bearer', expires_in: 3599, access_token: 'T' },
  })
  const { token, expiresOnTimestamp } = await login(auth)
  assert.equal(token, 'T')
  assert.ok(Math.abs(expiresOnTimestamp - Date.now() - 3_599_000) < 5_000)
  assert.equal(sent.length, 1)
  assert.match(sent[0]?.body ?? '', /scope=https%3A%2F%2Fgraph\.test\.example%2F\.default/)
})

test('every login brings a new token, though the old one is still good', async () => {
  const reply = (access_token: string) => ({
    status: 200,
    body: { token_type: 'Bearer', expires_in: 3599, access_token },
  })
  const { login } = loginAnswering(reply('T1'), reply('T2'))
  assert.equal((await login(auth)).token, 'T1')
  assert.equal((await login(auth)).token, 'T2')
})

describe('a refusal of the login service is told apart by its cause', () => {
  const rows: [status: number, error: string, number: number | undefined, code: string][] = [
    [401, 'invalid_client', 7000215, 'app_secret_invalid'],
    [401, 'invalid_client', 7000222, 'app_secret_expired'],
    [400, 'unauthorized_client', 700016, 'app_not_found'],
    [400, 'invalid_client', 700016, 'app_not_found'],
    [400, 'unauthorized_client', 7000112, 'app_not_found'],
    [400, 'unauthorized_client', 7000229, 'app_not_found'],
    [400, 'invalid_request', 90002, 'tenant_not_found'],
    [400, 'invalid_tenant', undefined, 'tenant_not_found'],
    [400, 'invalid_resource', 500011, 'login_refused'],
    [401, 'invalid_client', 700027, 'login_refused'],
    [400, 'invalid_grant', undefined, 'login_refused'],
    [400, 'interaction_required', 53003, 'login_refused'],
  ]
  for (const [status, error, number, code] of rows) {
    test(`${error} ${number ?? ''}: ${code}`, async () => {
      const failure = await failureOf(refusal(status, error, number))
      assert.ok(failure.kind === 'fail')
      assert.equal(failure.code, code)
      assert.doesNotMatch(failure.message, /an-app|contoso|a-secret|Trace/)
    })
  }

  test('also where only the description names it', async () => {
    const body = {
      error: 'invalid_client',
      error_description: 'AADSTS7000222: The provided client secret keys are expired.',
    }
    const failure = await failureOf({ status: 401, body })
    assert.equal(failure.kind === 'fail' && failure.code, 'app_secret_expired')
  })

  test('an address that is no login service of Microsoft', async () => {
    const failure = await failureOf({ status: 404, body: '<html>' })
    assert.equal(failure.kind === 'fail' && failure.code, 'login_refused')
  })
})

describe('what time cures is waited for', () => {
  const rows: [name: string, reply: Reply, failure: Failure][] = [
    [
      '429',
      { ...refusal(429, 'x'), headers: { 'retry-after': '9' } } as Reply,
      { kind: 'wait', reason: 'throttled', retryAfterMs: 9_000 },
    ],
    ['503', { status: 503, body: '' }, { kind: 'wait', reason: 'server_busy', retryAfterMs: undefined }],
    [
      'temporarily_unavailable',
      refusal(400, 'temporarily_unavailable'),
      { kind: 'wait', reason: 'server_busy', retryAfterMs: undefined },
    ],
    ['a network error', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), { kind: 'wait', reason: 'network' }],
    ['a network error not known to us', new Error('x'), { kind: 'wait', reason: 'network' }],
    ['a token cut short', { status: 200, body: '{"access_to' }, { kind: 'wait', reason: 'broken_answer' }],
  ]
  for (const [name, reply, failure] of rows) test(name, async () => assert.deepEqual(await failureOf(reply), failure))
})

test('a login is tried once: repeating is left to one layer', async () => {
  for (const reply of [{ status: 503, body: '' }, Object.assign(new Error('x'), { code: 'ECONNRESET' })]) {
    const { login, sent } = loginAnswering(reply)
    await assert.rejects(login(auth))
    assert.equal(sent.length, 1)
  }
})

test('a certificate file that is not there is named as what to check', async () => {
  const { login } = loginAnswering({ status: 200, body: {} })
  const error: unknown = await login({
    kind: 'certificate',
    tenantId: 'contoso.example',
    clientId: 'an-app',
    certificatePath: '/none.pem',
  }).catch((thrown: unknown) => thrown)
  assert.ok(
    error instanceof LoginError && error.failure.kind === 'fail' && /certificate file/.test(error.failure.message),
  )
})
