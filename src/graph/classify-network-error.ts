import { errors } from 'undici'
import type { Failure, WaitReason } from './failure.ts'

/** The request had to be given up because it took too long as a whole. */
export class RequestTimeoutError extends Error {
  override readonly name = 'RequestTimeoutError'
  readonly code = 'REQUEST_TIMEOUT'
}

/** The body ended early, or was not what its headers said. */
export class CutBodyError extends Error {
  override readonly name = 'CutBodyError'
  readonly code = 'CUT_BODY'
}

/** The body is larger than this process is willing to hold. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError'
  readonly code = 'BODY_TOO_LARGE'
}

/** Once the headers are there, a socket that ends early is a body cut short: another try, or a smaller page, may get through. */
export function cutBodyOr(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
    ? new CutBodyError('An answer ended early', { cause: error })
    : error
}

const TIMEOUTS = new Set(['REQUEST_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])
// Time does not make a certificate trusted; OpenSSL's names for what a person has to mend.
const CERTIFICATE = /CERT|^UNABLE_TO_|SELF_SIGNED|^ERR_TLS_|HOSTNAME_MISMATCH/
// Errors of sockets and names, by name, for those of files are called alike.
const SYSTEM =
  /^(E(CONN(RESET|REFUSED|ABORTED)|TIMEDOUT|PIPE|NOTFOUND|PROTO|ADDRNOTAVAIL|(HOST|NET)(UNREACH|DOWN))|EAI_[A-Z]+)$/
// undici's errors, the HTTP parser's, those of TLS and HTTP/2, and what Microsoft's library calls any failure to send.
const PROTOCOL = /^(UND_ERR_|HPE_|ERR_SSL_|ERR_HTTP2_)|^REQUEST_SEND_ERROR$/

/** What a request that got no answer, or half of one, means; undefined for what is no network error but a bug. */
export function classifyNetworkError(error: unknown): Failure | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const failure = byErrorCode(cause)
    if (failure) return failure
  }
  return undefined
}

function byErrorCode(error: Error): Failure | undefined {
  if (error instanceof errors.InvalidArgumentError) return undefined
  if (error instanceof AggregateError) return classifyNetworkError(error.errors[0])
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === 'BODY_TOO_LARGE' || code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return { kind: 'shrink' }
  if (code === 'CUT_BODY') return wait('broken_answer')
  if (TIMEOUTS.has(code)) return wait('timeout')
  if (CERTIFICATE.test(code)) return untrusted(code)
  return SYSTEM.test(code) || PROTOCOL.test(code) ? wait('network') : undefined
}

function wait(reason: WaitReason): Failure {
  return { kind: 'wait', reason }
}

function untrusted(code: string): Failure {
  const message =
    `The certificate of the server is not trusted (${code}). Where a proxy or a private authority signs it, ` +
    'put the certificate of that authority into a file and name the file in NODE_EXTRA_CA_CERTS.'
  return { kind: 'fail', code: 'graph_unavailable', message }
}
