import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { type FastifyBaseLogger, type FastifyInstance, fastify } from 'fastify'
import type { ApiDeps } from './api-server.ts'
import { closeSoon } from './closing.ts'
import { BASE_PATH } from './contract.ts'
import { answerError, handleErrors } from './error-handler.ts'
import { guardHost, SECURITY_HEADERS } from './host-guard.ts'
import { acceptJsonBodies } from './json-body.ts'
import { answerUnknownRoutes } from './not-found.ts'
import { RequestLog } from './request-log.ts'
import { batchResultRoutes } from './routes/batch-results.ts'
import { batchRoutes } from './routes/batches.ts'
import { extractionRoutes } from './routes/extractions.ts'
import { healthRoutes } from './routes/health.ts'
import { mailboxRoutes } from './routes/mailboxes.ts'
import { messageRoutes } from './routes/messages.ts'
import { openApi } from './routes/openapi.ts'
import { reportRoutes } from './routes/reports.ts'
import { resultRoutes } from './routes/results.ts'
import { validatorCompiler } from './validation.ts'

export interface ServerDeps extends ApiDeps {
  /** Without one nothing is logged. */
  logger?: FastifyBaseLogger
}

const LIMITS = {
  // 100,000 addresses take about 3 MiB.
  bodyLimit: 32 * 1024 * 1024,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 120_000,
  // Longer than proxies keep theirs (a minute as a rule), lest one send a request while we close.
  keepAliveTimeoutMs: 65_000,
  // A reader of a streamed result may stop to think, but not keep its place for ever.
  idleTimeoutMs: 300_000,
}

/** Builds the API and never listens, so that tests can inject requests. */
export function buildServer({ logger, ...deps }: ServerDeps): FastifyInstance {
  const server = fastify({
    ...(logger && { loggerInstance: logger }),
    logController: new RequestLog(),
    genReqId: () => randomUUID(),
    bodyLimit: LIMITS.bodyLimit,
    http: { headersTimeout: LIMITS.headersTimeoutMs },
    requestTimeout: LIMITS.requestTimeoutMs,
    keepAliveTimeout: LIMITS.keepAliveTimeoutMs,
    connectionTimeout: LIMITS.idleTimeoutMs,
    // Longer than any URL that Node reads: the contract checks ids, and says what is wrong with them.
    routerOptions: { maxParamLength: 64 * 1024 },
    exposeHeadRoutes: false,
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      reply.headers(SECURITY_HEADERS)
      answerError(error, request as Parameters<typeof answerError>[1], reply as Parameters<typeof answerError>[2])
    },
    clientErrorHandler: answerBrokenRequest,
  })
  server.setValidatorCompiler(validatorCompiler)
  // The answers are built field by field; a schema that strips or bends them would only hide mistakes.
  server.setSerializerCompiler(() => JSON.stringify)
  acceptJsonBodies(server)
  guardHost(server)
  closeSoon(server)
  answerUnknownRoutes(server)
  handleErrors(server)

  openApi(server, deps.version)
  server.register(async (scope) => {
    healthRoutes(scope.withTypeProvider<TypeBoxTypeProvider>(), deps)
  })
  server.register(
    async (scope) => {
      for (const routes of [
        extractionRoutes,
        resultRoutes,
        messageRoutes,
        mailboxRoutes,
        reportRoutes,
        batchRoutes,
        batchResultRoutes,
      ]) {
        routes(scope.withTypeProvider<TypeBoxTypeProvider>(), deps)
      }
    },
    { prefix: BASE_PATH },
  )
  return server
}

/** What is no HTTP, has too large a header, or takes too long to come never reaches a route. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, sentence] = BROKEN_REQUESTS[error.code ?? ''] ?? ['400 Bad Request', 'The request is not valid HTTP']
  const body = JSON.stringify({ error: sentence, code: 'invalid_request' })
  const headers = ['Content-Type: application/json; charset=utf-8', `Content-Length: ${Buffer.byteLength(body)}`]
  socket.end([`HTTP/1.1 ${status}`, ...headers, 'Connection: close', '', body].join('\r\n'))
}

const BROKEN_REQUESTS: Record<string, [status: string, sentence: string]> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The path or the headers are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request took too long to come'],
}
