import type { TestContext } from 'node:test'
import { AccessTokenSource } from '../access-token.ts'
import { type ConnectionOptions, Connections } from '../connections.ts'
import { GraphClient, type GraphRequest } from '../graph-client.ts'
import { GraphUrl } from '../graph-url.ts'
import { MAILBOX_LIMITS, RequestLimiter } from '../request-limiter.ts'
import { UsageMeter } from '../usage-meter.ts'
import { HastyClock } from './clocks.ts'
import { type Handler, startScriptedServer } from './scripted-server.ts'

/** A login that gives token-1, token-2, … each good for an hour. */
export function countingLogin(clock: { now(): number }) {
  let logins = 0
  return async () => ({ token: `token-${++logins}`, expiresOnTimestamp: clock.now() + 3_600_000 })
}

function testClient(url: string, options: { connection?: ConnectionOptions; signal?: AbortSignal } = {}) {
  const clock = new HastyClock()
  const random = () => 1
  const auth = { kind: 'secret' as const, tenantId: 'contoso.example', clientId: 'app', clientSecret: 'secret' }
  const limiter = new RequestLimiter(MAILBOX_LIMITS, clock)
  const logged: Record<string, unknown>[] = []
  const note = (fields: Record<string, unknown>) => void logged.push(fields)
  const meter = new UsageMeter()
  const connections = new Connections(options.connection)
  const graphUrl = new GraphUrl(url)
  const client = new GraphClient({
    graphUrl,
    connections,
    token: new AccessTokenSource(auth, { login: countingLogin(clock), clock, random }),
    limiter,
    meter,
    clock,
    random,
    log: { warn: note, debug: note },
    signal: options.signal ?? new AbortController().signal,
  })
  return { client, clock, limiter, logged, meter, graphUrl, connections, close: () => connections.close() }
}

/** A request for a page, whose JSON is handed out as it is. */
export function pageAt(url: string, more: Partial<GraphRequest<unknown>> = {}): GraphRequest<unknown> {
  return { url: `${url}/v1.0/page`, subject: 'page', shrinkable: 'yes', read: (json) => json, ...more }
}

export const page = { value: [{ id: 'm1' }] }

/** A client at a server that gives these answers in turn, with time that passes by itself. */
export async function arrange(t: TestContext, script: Handler[], connection: ConnectionOptions = {}) {
  const server = await startScriptedServer(...script)
  const controller = new AbortController()
  const parts = testClient(server.url, { connection, signal: controller.signal })
  t.after(async () => {
    await parts.close()
    await server[Symbol.asyncDispose]()
  })
  return { ...parts, server, controller, request: pageAt(server.url) }
}
