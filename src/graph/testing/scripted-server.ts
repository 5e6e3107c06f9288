import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A server that gives each request the next of its answers, over real sockets. */
export interface ScriptedServer extends AsyncDisposable {
  url: string
  /** Answers to come, first first; the last one stays. */
  script: Handler[]
  /** What was asked, in order. */
  requests: IncomingMessage[]
  /** Connections opened so far. */
  connections: () => number
}

export async function startScriptedServer(...script: Handler[]): Promise<ScriptedServer> {
  const requests: IncomingMessage[] = []
  let connections = 0
  const server = createServer((request, response) => {
    requests.push(request)
    const answer = script.length > 1 ? script.shift() : script[0]
    answer?.(request, response)
  })
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    script,
    requests,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** An answer with a JSON body. */
export function json(body: unknown, statusCode = 200, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(statusCode, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
}

/** A refusal in Graph's envelope. */
export function refuse(
  statusCode: number,
  code: string,
  options: { message?: string; headers?: Record<string, string> } = {},
): Handler {
  const innerError = { date: '2026-01-05T09:00:00', 'request-id': 'a-request', 'client-request-id': 'a-client-request' }
  return json({ error: { code, message: options.message ?? '', innerError } }, statusCode, options.headers)
}
