import { Agent, type Dispatcher, request } from 'undici'
import type { Simulator } from './simulator.ts'

// What the simulator's own tests speak Graph with: one request, one answer, nothing repeated.

export interface Item extends Record<string, unknown> {
  id: string
}

export interface GraphBody extends Record<string, unknown> {
  value: Item[]
  error: { code: string; message: string; innerError: Record<string, string> }
  '@odata.nextLink'?: string
  '@odata.deltaLink'?: string
  '@odata.count'?: number
}

export interface GraphAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  body: GraphBody
}

export class TestClient {
  readonly agent: Agent
  private readonly simulator: Simulator
  private token: string | undefined

  constructor(simulator: Simulator) {
    this.simulator = simulator
    this.agent = new Agent({ connect: { ca: simulator.ca } })
  }

  async login(form: Record<string, string> = {}, tenant = this.simulator.tenantId): Promise<GraphAnswer> {
    const { clientId, clientSecret, url } = this.simulator
    const fields = {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'https://graph.microsoft.com/.default',
      ...form,
    }
    const answer = await this.send(`${url}/${tenant}/oauth2/v2.0/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    })
    if (answer.status === 200) this.token = String(answer.body.access_token)
    return answer
  }

  /** `path` is a link, or a path below /v1.0. */
  async get(path: string, headers: Record<string, string> = {}): Promise<GraphAnswer> {
    return this.graph('GET', path, headers)
  }

  async batch(requests: object[]): Promise<GraphAnswer> {
    return this.graph('POST', '/$batch', { 'content-type': 'application/json' }, JSON.stringify({ requests }))
  }

  async graph(method: 'GET' | 'POST' | 'PATCH', path: string, headers: Record<string, string> = {}, body?: string) {
    if (!this.token) await this.login()
    const url = path.startsWith('https:') ? path : `${this.simulator.url}/v1.0${path}`
    return this.send(url, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...headers },
      ...(body !== undefined && { body }),
    })
  }

  /** All items of a chain of pages, and the link that its last page holds. */
  async walk(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ items: Item[]; pages: Item[][]; deltaLink: string }> {
    const pages: Item[][] = []
    for (let link = path; ; ) {
      const { status, body, text } = await this.get(link, headers)
      if (status !== 200) throw new Error(`${status} ${text}`)
      pages.push(body.value)
      const next = body['@odata.nextLink']
      if (next === undefined) return { items: pages.flat(), pages, deltaLink: body['@odata.deltaLink'] ?? '' }
      link = next
    }
  }

  /** The body as it was on the wire. */
  async bytes(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; bytes: Buffer; encoding: string | undefined; contentType: string | undefined }> {
    const answer = await this.open(path, headers)
    return {
      status: answer.statusCode,
      bytes: Buffer.from(await answer.body.arrayBuffer()),
      encoding: answer.headers['content-encoding']?.toString(),
      contentType: answer.headers['content-type']?.toString(),
    }
  }

  /** An answer whose body is still to be read. */
  async open(path: string, headers: Record<string, string> = {}): Promise<Dispatcher.ResponseData> {
    if (!this.token) await this.login()
    const url = path.startsWith('https:') ? path : `${this.simulator.url}/v1.0${path}`
    return request(url, { headers: { authorization: `Bearer ${this.token}`, ...headers }, dispatcher: this.agent })
  }

  async close(): Promise<void> {
    await this.agent.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  private async send(
    url: string,
    options: { method: 'GET' | 'POST' | 'PATCH'; headers: Record<string, string>; body?: string },
  ) {
    const answer = await request(url, { ...options, dispatcher: this.agent })
    const text = await answer.body.text()
    const isJson = String(answer.headers['content-type']).includes('json')
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text,
      body: (isJson && text !== '' ? JSON.parse(text) : {}) as GraphBody,
    }
  }
}

export function idsOf(items: readonly Item[]): string[] {
  return items.map(({ id }) => id)
}
