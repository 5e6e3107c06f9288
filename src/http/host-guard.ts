import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'

const LOOPBACK_HOST = /^(?:localhost|127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}|\[::1\])(?::\d{1,5})?$/i

/** Mail must not be framed, sniffed, cached or passed on. No CORS header is among these, and none is sent elsewhere. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

export function guardHost(server: FastifyInstance): void {
  server.addHook('onRequest', async (request, reply) => {
    reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id })
    refuseForeignHost(request)
    refuseForeignPage(request)
  })
}

/** A foreign page can make its own name point to 127.0.0.1 (DNS rebinding), but it cannot change the Host it then sends. */
function refuseForeignHost({ headers }: FastifyRequest): void {
  if (LOOPBACK_HOST.test(headers.host ?? '')) return
  throw new AppError('host_refused', 'This service answers only requests for localhost, 127.0.0.1 or [::1]')
}

/** A foreign page needs no grant to send a form here; browsers say where it came from. */
function refuseForeignPage({ headers }: FastifyRequest): void {
  const { origin, host } = headers
  if (origin === undefined || origin.replace(/^https?:\/\//, '') === host) return
  throw new AppError('host_refused', 'This service takes no requests from other web pages')
}
