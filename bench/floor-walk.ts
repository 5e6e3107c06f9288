import { gunzipSync } from 'node:zlib'
import { Agent, request } from 'undici'
import type { WireMessage } from '../src/graph/wire.ts'
import { type LoginTask, logIn } from './log-in.ts'
import { busySeconds } from './processes.ts'

/** What the service comes to with bodies of 6 kB: larger pages would be above the megabyte that it calls light. */
const PAGE_SIZE = 200

// Measured: in the 16 kB pieces that are Node's default it takes a few percent longer, and off the main thread a third,
// for nothing else is there to be done meanwhile.
const GUNZIP_CHUNK_BYTES = 256 * 1024

export interface WalkTask {
  login: LoginTask
  /** Of the Inbox. */
  firstPage: string
  pageSize?: number
}

export interface FloorResult {
  seconds: number
  cpuSeconds: number
  /** Of all programs in that time. */
  busySeconds: number
}

interface WirePage {
  value: WireMessage[]
  '@odata.nextLink'?: string
}

/** A token, then page after page through undici and JSON.parse to `savePage`; answers what all of it took. */
export async function walk(
  { login, firstPage, pageSize = PAGE_SIZE }: WalkTask,
  savePage: (messages: WireMessage[]) => void | Promise<void>,
): Promise<FloorResult> {
  const agent = new Agent()

  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  const busyBefore = busySeconds()
  const headers = {
    authorization: `Bearer ${await logIn(login, agent)}`,
    accept: 'application/json',
    'accept-encoding': 'gzip',
    prefer: `IdType="ImmutableId", odata.maxpagesize=${pageSize}`,
  }
  let link: string | undefined = firstPage
  while (link !== undefined) {
    const answer = await request(link, { dispatcher: agent, headers })
    if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${await answer.body.text()}`)
    const packed = await answer.body.bytes()
    const body: WirePage = JSON.parse(gunzipSync(packed, { chunkSize: GUNZIP_CHUNK_BYTES }).toString())
    await savePage(body.value)
    link = body['@odata.nextLink']
  }
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const busy = busySeconds() - busyBefore
  await agent.close()
  return { seconds, cpuSeconds: (user + system) / 1e6, busySeconds: busy }
}
