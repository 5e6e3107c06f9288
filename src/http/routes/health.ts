import { Type } from 'typebox'
import { AppError } from '../../errors.ts'
import type { ApiDeps, ApiServer } from '../api-server.ts'
import { Health } from '../contract.ts'
import { presentError } from '../error-handler.ts'
import { answer } from './failures.ts'

const tags = ['Service']
const Ready = Type.Object({ status: Type.Literal('ready') })
const NotReady = Type.Object({ status: Type.Literal('not_ready'), error: Type.String(), code: Type.String() })

/** For whoever watches over the process. */
export function healthRoutes(server: ApiServer, { checkReady, version }: ApiDeps): void {
  server.get(
    '/health',
    {
      exposeHeadRoute: true,
      schema: { tags, operationId: 'health', summary: 'Alive', response: { 200: answer(Health, 'Always') } },
    },
    async () => ({ status: 'ok' as const, version }),
  )

  server.get(
    '/ready',
    {
      exposeHeadRoute: true,
      schema: {
        tags,
        operationId: 'ready',
        summary: 'Able to take work',
        response: { 200: answer(Ready, 'Ready'), 503: answer(NotReady, 'Not now; the reason is in `error`') },
      },
    },
    async (request, reply) => {
      try {
        await checkReady()
        return { status: 'ready' as const }
      } catch (error) {
        request.log.warn({ err: error }, 'not ready')
        const reason = error instanceof AppError ? error : new AppError('internal_error', 'The check itself failed')
        return reply.code(503).send({ ...presentError(reason), status: 'not_ready' })
      }
    },
  )
}
