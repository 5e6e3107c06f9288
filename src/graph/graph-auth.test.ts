import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../errors.ts'
import { authKey, completeCredentials } from './graph-auth.ts'

const defaults = { tenantId: 'contoso.example', clientId: 'app', clientSecret: 'from settings' }

test('what a request leaves out comes from the settings', () => {
  const auth = completeCredentials({ clientSecret: 'from request', tenantId: '' }, defaults)
  assert.deepEqual(auth, { kind: 'secret', tenantId: 'contoso.example', clientId: 'app', clientSecret: 'from request' })
})

test('a certificate serves where there is no secret', () => {
  const { tenantId, clientId } = defaults
  const auth = completeCredentials({}, { tenantId, clientId, certificatePath: '/cert.pem' })
  assert.deepEqual(auth, { kind: 'certificate', tenantId, clientId, certificatePath: '/cert.pem' })
})

test('everything that is missing is named at once, with its variable', () => {
  assert.throws(
    () => completeCredentials({ clientId: 'app' }, {}),
    (error) =>
      error instanceof AppError &&
      error.code === 'config_missing' &&
      /TENANT_ID.*OUTLOOK_CLIENT_SECRET/.test(error.message) &&
      !error.message.includes('OUTLOOK_CLIENT_ID') &&
      error.details.length === 2,
  )
})

test('a tenant that can be none is refused before anybody is asked', () => {
  for (const tenantId of ['common', 'Organizations', 'a/b', 'a b', '{tenant}'])
    assert.throws(
      () => completeCredentials({ tenantId }, defaults),
      (error) => error instanceof AppError && error.code === 'tenant_not_found',
    )
})

test('apps are told apart by tenant, client and secret, and the key holds no secret', () => {
  const one = authKey(completeCredentials({}, defaults))
  const other = authKey(completeCredentials({ clientSecret: 'another' }, defaults))
  assert.notEqual(one, other)
  assert.equal(one, authKey(completeCredentials({}, defaults)))
  assert.doesNotMatch(one, /from settings/)
})
