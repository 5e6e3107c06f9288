import type { IncomingMessage } from 'node:http'
import type { Mailbox, Traffic } from '../../copying/mailbox.ts'
import { connectGraph, type Graph } from '../graph.ts'
import { countingLogin } from './client.ts'
import { HastyClock } from './clocks.ts'
import { type Handler, json, refuse, startScriptedServer } from './scripted-server.ts'

/** A Graph that knows the paths a test names; `{url}` in an answer stands for its own address. */
export interface FakeGraph extends AsyncDisposable {
  graph: Graph
  clock: HastyClock
  url: string
  /** Answers by path without query, first come first; the last one of a path stays. */
  routes: Record<string, Handler[]>
  requests: IncomingMessage[]
  /** Paths asked for, without version and query. */
  paths: () => string[]
}

export const USER = '/users/ann%40contoso.example'
export const TOP = '/users/u1/mailFolders'
export const INBOX = `${TOP}/inbox`

export async function startFakeGraph(
  routes: Record<string, Handler[]> = {},
  options: { hasDelta?: boolean } = {},
): Promise<FakeGraph> {
  const clock = new HastyClock()
  const known: Record<string, Handler[]> = {
    [USER]: [json({ id: 'u1', userPrincipalName: 'Ann@contoso.example' })],
    [TOP]: [json({ value: [{ id: 'f-inbox', displayName: 'Inbox' }] })],
    [INBOX]: [json({ id: 'f-inbox' })],
    ...routes,
  }
  const server = await startScriptedServer((request, response) => {
    const answers = known[pathOf(request)] ?? [refuse(404, 'ErrorItemNotFound')]
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    answer?.(request, response)
  })
  const graph = connectGraph({
    graphUrl: server.url,
    loginUrl: 'https://login.test.example',
    defaults: { tenantId: 'contoso.example', clientId: 'app', clientSecret: 'secret' },
    clock,
    random: () => 1,
    login: countingLogin(clock),
    ...options,
  })
  return {
    graph,
    clock,
    url: server.url,
    routes: known,
    requests: server.requests,
    paths: () => server.requests.map(pathOf),
    [Symbol.asyncDispose]: async () => {
      await graph.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

export const never = new AbortController().signal

export async function openMailbox(fake: FakeGraph): Promise<Mailbox> {
  return fake.graph.mailboxes.open('ann@contoso.example', {}, never).mailbox
}

/** What opening a mailbox took. */
export async function openingTraffic(fake: FakeGraph): Promise<Traffic> {
  const { traffic, mailbox } = fake.graph.mailboxes.open('ann@contoso.example', {}, never)
  await mailbox
  return traffic
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').replace(/\?.*/, '').replace(/^\/v1\.0/, '')
}
