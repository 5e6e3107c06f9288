import type { FastifyReply, FastifyRequest } from 'fastify'
import { LogController } from 'fastify'

/** One line a request: the route's pattern, for a path holds ids and addresses. */
export class RequestLog extends LogController {
  constructor() {
    super({ requestIdLogLabel: 'requestId' })
  }

  override incomingRequest(): void {}

  override requestCompleted(_error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const { method } = request
    const route = request.routeOptions.url ?? null
    request.log.info({ method, route, statusCode: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request')
  }

  override streamError(error: Error & { code?: string }, request: FastifyRequest): void {
    const route = request.routeOptions.url ?? null
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') request.log.info({ route }, 'reader left before the end')
    else request.log.error({ route, err: error }, 'answer broken off')
  }

  override routeNotFound(): void {}
}
