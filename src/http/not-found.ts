import type { FastifyInstance } from 'fastify'
import { AppError } from '../errors.ts'

/** 404 in JSON, or 405 with `Allow` where the path is right and only the method is not. */
export function answerUnknownRoutes(server: FastifyInstance): void {
  const routes: { pattern: RegExp; methods: readonly string[] }[] = []

  server.addHook('onRoute', ({ url, method }) => {
    routes.push({ pattern: patternOf(url), methods: [method].flat() })
  })

  server.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const allowed = new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))
    if (allowed.size === 0) throw new AppError('route_not_found', `There is nothing at this path; see /docs`)
    reply.header('allow', [...allowed].join(', '))
    throw new AppError('method_not_allowed', `${request.method} is not possible here; use ${[...allowed].join(' or ')}`)
  })
}

function patternOf(url: string): RegExp {
  const escaped = url.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replace(/:[a-z_]+/g, '[^/]+').replace('*', '.*')}$`)
}
