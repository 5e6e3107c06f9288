import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { Agent, type Dispatcher, request } from 'undici'
import type { FaultRule } from './faults.ts'
import type { GateState } from './gates.ts'
import type { Mutation, MutationResult } from './mutations.ts'
import type { Stats } from './statistics.ts'
import type { TruthFolder, TruthLine } from './truth.ts'
import type { TruthOfContents } from './truth-of-contents.ts'

/** Steers a simulator in another process through its control endpoints. */
export class ControlClient {
  private readonly agent: Agent

  private readonly url: string

  constructor(url: string, ca: string) {
    this.url = url
    // Waiting at a gate may take as long as the test wants.
    this.agent = new Agent({ connect: { ca }, headersTimeout: 0, bodyTimeout: 0 })
  }

  truth(mailbox: string): AsyncGenerator<TruthLine> {
    return this.lines(`truth/${encodeURIComponent(mailbox)}`)
  }

  /** With size and hash of every attachment and MIME text. */
  truthOfContents(mailbox: string): AsyncGenerator<TruthFolder | TruthOfContents> {
    return this.lines(`truth/${encodeURIComponent(mailbox)}?contents=1`)
  }

  /** Returns the ids of the rules, in their order. */
  async addFaults(...rules: FaultRule[]): Promise<number[]> {
    return (await this.call<{ ids: number[] }>('POST', 'faults', rules)).ids
  }

  async clearFaults(): Promise<void> {
    await this.call('DELETE', 'faults')
  }

  async removeFault(id: number): Promise<void> {
    await this.call('DELETE', `faults/${id}`)
  }

  async faults(): Promise<(FaultRule & { id: number; seen: number; hits: number })[]> {
    return (await this.call<{ faults: (FaultRule & { id: number; seen: number; hits: number })[] }>('GET', 'faults'))
      .faults
  }

  mutate(...mutations: Mutation[]): Promise<MutationResult[]> {
    return this.call<{ results: MutationResult[] }>('POST', 'mutations', mutations).then(({ results }) => results)
  }

  stats(options: { links?: boolean } = {}): Promise<Stats> {
    return this.call('GET', options.links ? 'stats?links=1' : 'stats')
  }

  async resetStats(): Promise<void> {
    await this.call('POST', 'stats/reset')
  }

  /** `path` is the first link of a chain, with its $select; headers are those the client will send (Prefer). */
  async prepare(path: string, headers: Record<string, string> = {}): Promise<number> {
    return (await this.call<{ messages: number }>('POST', 'prepare', { path, headers })).messages
  }

  gate(name: string): Promise<GateState> {
    return this.call('GET', `gates/${encodeURIComponent(name)}`)
  }

  /** Ends when at least so many requests wait at the gate. */
  whenWaiting(name: string, count = 1): Promise<GateState> {
    return this.call('GET', `gates/${encodeURIComponent(name)}?waiting=${count}`)
  }

  openGate(name: string): Promise<GateState> {
    return this.call('POST', `gates/${encodeURIComponent(name)}/open`)
  }

  closeGate(name: string): Promise<GateState> {
    return this.call('POST', `gates/${encodeURIComponent(name)}/close`)
  }

  releaseGate(name: string, count = 1): Promise<GateState> {
    return this.call('POST', `gates/${encodeURIComponent(name)}/release?count=${count}`)
  }

  async close(): Promise<void> {
    await this.agent.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  private async *lines<Line>(path: string): AsyncGenerator<Line> {
    const { body } = await this.send('GET', path)
    for await (const line of createInterface({ input: Readable.from(body), crlfDelay: Number.POSITIVE_INFINITY }))
      yield JSON.parse(line) as Line
  }

  private async call<Result>(method: Dispatcher.HttpMethod, path: string, body?: object): Promise<Result> {
    const answer = await this.send(method, path, body)
    return (await answer.body.json()) as Result
  }

  private async send(method: Dispatcher.HttpMethod, path: string, body?: object): Promise<Dispatcher.ResponseData> {
    const answer = await request(`${this.url}/simulator/${path}`, {
      method,
      dispatcher: this.agent,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    if (answer.statusCode !== 200)
      throw new Error(`The simulator refused ${method} ${path}: ${await answer.body.text()}`)
    return answer
  }
}
