import assert from 'node:assert/strict'
import { constants, createPrivateKey, verify, X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { generate } from 'selfsigned'
import { GraphUrl } from './graph-url.ts'
import { LoginError, microsoftLogin } from './login.ts'
import type { SendLoginRequest } from './login-request.ts'

const LOGIN_URL = 'https://login.test.example'
const TOKEN_URL = `${LOGIN_URL}/contoso.example/oauth2/v2.0/token`
const PASSWORD = 'a-password'

/** A certificate and its key as an administrator has them: one PEM file. */
async function aPemFile({ password }: { password?: string } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'outlookmail-login-'))
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'an app' }], { keySize: 2048 })
  const kept = createPrivateKey(key).export({
    format: 'pem',
    type: 'pkcs8',
    ...(password !== undefined && { cipher: 'aes-256-cbc', passphrase: password }),
  })
  const path = join(folder, 'app.pem')
  await writeFile(path, `${kept}${cert}`)
  const remove = () => rm(folder, { recursive: true })
  return { path, certificate: new X509Certificate(cert), [Symbol.asyncDispose]: remove }
}

/** Logs in with it; answers the assertion that was sent. */
async function assertionOf(certificatePath: string, certificatePassword?: string): Promise<string> {
  let assertion = ''
  const send: SendLoginRequest = async ({ url, body }) => {
    const form = new URLSearchParams(body)
    assertion = form.get('client_assertion') ?? assertion
    const answer = url.includes('.well-known')
      ? { issuer: LOGIN_URL, authorization_endpoint: LOGIN_URL, token_endpoint: TOKEN_URL, jwks_uri: LOGIN_URL }
      : { token_type: 'Bearer', expires_in: 3599, access_token: 'T' }
    return { status: 200, headers: {}, body: JSON.stringify(answer) }
  }
  const login = microsoftLogin({ loginUrl: LOGIN_URL, graphUrl: new GraphUrl('https://graph.test.example'), send })
  const auth = { kind: 'certificate' as const, tenantId: 'contoso.example', clientId: 'an-app', certificatePath }
  const { token } = await login(certificatePassword === undefined ? auth : { ...auth, certificatePassword })
  assert.equal(token, 'T')
  return assertion
}

function decoded(part = ''): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}

for (const password of [undefined, PASSWORD]) {
  test(`a certificate proves who the app is, its key ${password ? 'with' : 'without'} a password`, async () => {
    await using file = await aPemFile(password === undefined ? {} : { password })
    const assertion = await assertionOf(file.path, password)
    const [header, claims, signature = ''] = assertion.split('.')
    const sha256 = Buffer.from(file.certificate.fingerprint256.replaceAll(':', ''), 'hex')
    assert.deepEqual(decoded(header), { alg: 'PS256', typ: 'JWT', 'x5t#S256': sha256.toString('base64url') })
    const { iss, sub, aud } = decoded(claims) as Record<string, unknown>
    assert.deepEqual([iss, sub, aud], ['an-app', 'an-app', TOKEN_URL])
    const key = { key: file.certificate.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
    assert.ok(verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url')))
  })
}

test('a wrong password of the key is named as what to check, and not shown', async () => {
  await using file = await aPemFile({ password: PASSWORD })
  await assert.rejects(assertionOf(file.path, 'another'), (error) => {
    assert.ok(error instanceof LoginError && error.failure.kind === 'fail')
    assert.match(error.failure.message, /Check the certificate file, its password/)
    assert.doesNotMatch(error.failure.message, /another/)
    return true
  })
})
