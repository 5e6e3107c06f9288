import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import { locateJsonError } from './json-position.ts'

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i

/**
 * Reads every body as JSON. An empty one is no body, whatever its type says (`curl -X POST -H 'Content-Type: …'`).
 * A body of another type is refused: JSON cannot be sent from a web form, so a foreign page cannot start anything.
 */
export function acceptJsonBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    if (body.length === 0) return undefined
    if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) {
      throw new AppError('invalid_json', 'Invalid JSON payload: send it with "Content-Type: application/json"')
    }
    return parseJson(body)
  })
}

function parseJson(body: Buffer): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new AppError('invalid_json', 'Invalid JSON payload: it is not UTF-8')
  }
  try {
    return JSON.parse(text)
  } catch {
    // The engine's own message quotes the text around the mistake, which may be a client secret.
    throw new AppError('invalid_json', `Invalid JSON payload: ${locateJsonError(text)}`)
  }
}
