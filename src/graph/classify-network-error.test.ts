import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classifyNetworkError } from './classify-network-error.ts'

function coded(code: string, cause?: unknown): Error {
  return Object.assign(new Error('failed', { cause }), { code })
}

test('a connection that fails or cannot be made is waited for', () => {
  const codes = [
    'ECONNRESET',
    'ECONNREFUSED',
    'ETIMEDOUT',
    'EPIPE',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EPROTO',
    'UND_ERR_SOCKET',
    'UND_ERR_CONNECT_TIMEOUT',
    'HPE_INVALID_CONSTANT',
    'ERR_HTTP2_STREAM_ERROR',
    'ERR_SSL_WRONG_VERSION_NUMBER',
  ]
  for (const code of codes)
    assert.deepEqual(classifyNetworkError(coded(code)), { kind: 'wait', reason: 'network' }, code)
})

test('silence is a time-out, after which a page shrinks', () => {
  for (const code of ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'REQUEST_TIMEOUT'])
    assert.deepEqual(classifyNetworkError(coded(code)), { kind: 'wait', reason: 'timeout' }, code)
})

test('a body cut short is a broken answer; one that is too large asks for a smaller page', () => {
  assert.deepEqual(classifyNetworkError(coded('CUT_BODY')), { kind: 'wait', reason: 'broken_answer' })
  assert.deepEqual(classifyNetworkError(coded('UND_ERR_RES_EXCEEDED_MAX_SIZE')), { kind: 'shrink' })
})

test('the cause counts where the error itself says nothing', () => {
  assert.deepEqual(classifyNetworkError(new TypeError('terminated', { cause: coded('ECONNRESET') })), {
    kind: 'wait',
    reason: 'network',
  })
})

test('a certificate that is not trusted fails at once and names the cure', () => {
  for (const code of [
    'SELF_SIGNED_CERT_IN_CHAIN',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'CERT_HAS_EXPIRED',
  ]) {
    const failure = classifyNetworkError(coded(code))
    assert.ok(failure?.kind === 'fail' && failure.message.includes('NODE_EXTRA_CA_CERTS'), code)
  }
})

test('a bug is no network error', () => {
  assert.equal(classifyNetworkError(new TypeError('x is undefined')), undefined)
  assert.equal(classifyNetworkError(coded('ERR_INVALID_ARG_TYPE')), undefined)
  assert.equal(classifyNetworkError(coded('ENOENT')), undefined)
  assert.equal(classifyNetworkError('text'), undefined)
})
