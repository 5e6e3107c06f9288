import { Agent, request } from 'undici'

/** What Microsoft's library asks of the login service. */
export interface LoginRequest {
  url: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string | undefined
}

interface LoginReply {
  status: number
  headers: Record<string, string>
  body: string
}

export type SendLoginRequest = (asked: LoginRequest, signal: AbortSignal) => Promise<LoginReply>

// Answers are a few kilobytes; what is longer is no login service.
const MAX_BYTES = 1024 * 1024

/** Sends requests to the login service, a connection each: there are minutes between two of them. */
export function loginConnection(ca: string | undefined): SendLoginRequest {
  const agent = new Agent({ connect: ca === undefined ? {} : { ca }, maxResponseSize: MAX_BYTES })
  return async ({ url, method, headers, body }, signal) => {
    const answer = await request(url, { dispatcher: agent, method, headers, body: body ?? null, reset: true, signal })
    const words = Object.entries(answer.headers).map(([name, value]) => [name, String(value)])
    return { status: answer.statusCode, headers: Object.fromEntries(words), body: await answer.body.text() }
  }
}
