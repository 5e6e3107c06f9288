import { fastifySwagger } from '@fastify/swagger'
import { fastifySwaggerUi } from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/** Collects the routes registered after it into an OpenAPI document, and shows it at /docs without any other host. */
export function openApi(server: FastifyInstance, version: string): void {
  server.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'outlookmail',
        version,
        description:
          'Copies the mail of Outlook and Exchange Online mailboxes into your own database. A failure is always `{error, code, details?}`: a sentence, a stable word, and one entry a problem.',
      },
      tags: [
        { name: 'One mailbox', description: 'The extraction of a connection' },
        { name: 'Many mailboxes', description: 'Batches of extractions' },
        { name: 'Service', description: 'The process itself' },
      ],
    },
  })
  server.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    staticCSP: "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
  })
  server.register(async (scope) => {
    scope.get('/openapi.json', { schema: { hide: true } }, async () => scope.swagger())
  })
}
