import { setTimeout as delay } from 'node:timers/promises'
import SqliteHandle from 'better-sqlite3'
import { Agent, request } from 'undici'
import type { ResultAnswer } from '../src/http/contract.ts'
import { encodeEmailCursor } from '../src/http/cursor.ts'
import { usageOf } from './processes.ts'
import type { RunningService } from './running-service.ts'

const RESULT = '/api/emails/extract/result/bench'

export const PAGE = 1000
/** How the slow reader reads: so much, then a pause, for so long. It is several times of what the sockets hold. */
export const SLOWLY = { bytes: 256 * 1024, pauseMs: 100, seconds: 20 }

/** Every stored email has it once. */
const MARK = Buffer.from('"change_key":')

export interface PageTimes {
  firstMs: number[]
  lastMs: number[]
}

/** How long the first and the last page of a stored mailbox take, in turn. */
export async function timePages(service: RunningService, databasePath: string, repeats: number): Promise<PageTimes> {
  const first = `${RESULT}?limit=${PAGE}`
  const last = `${first}&cursor=${cursorOfLastPage(databasePath)}`
  const times: PageTimes = { firstMs: [], lastMs: [] }
  for (let n = 0; n <= repeats; n++) {
    const firstMs = await timePage(service, first, false)
    const lastMs = await timePage(service, last, true)
    if (n === 0) continue // the first answers of a process are slow
    times.firstMs.push(firstMs)
    times.lastMs.push(lastMs)
  }
  return times
}

async function timePage({ url }: RunningService, path: string, isLast: boolean): Promise<number> {
  const askedAt = performance.now()
  const text = await (await fetch(url + path)).text()
  const ms = performance.now() - askedAt
  const { emails, next_cursor } = JSON.parse(text) as ResultAnswer
  if (emails.length !== PAGE || (next_cursor === null) !== isLast) throw new Error(`This is another page: ${path}`)
  return ms
}

/** Where somebody who reads page after page would get to, without reading all of them. */
function cursorOfLastPage(databasePath: string): string {
  const database = new SqliteHandle(databasePath, { readonly: true })
  try {
    const before = database
      .prepare<[number], { receivedDateTime: string; row: number }>(
        `select coalesce(received_date_time, '') as receivedDateTime, row from emails
          order by coalesce(received_date_time, ''), row limit 1 offset ?`,
      )
      .get(PAGE)
    if (!before) throw new Error('The mailbox has a single page')
    return encodeEmailCursor(before)
  } finally {
    database.close()
  }
}

export interface SlowRead {
  /** Read slowly, and what the service held then, once a second. */
  slowBytes: number
  residentBytes: number[]
  /** The rest, read as fast as it came. */
  restBytes: number
  restSeconds: number
  /** Of the service in all its life. */
  peakBytes: number | undefined
}

/** Reads the whole result as one answer: slowly for a while, then the rest as fast as it comes. Throws unless all of it came. */
export async function readSlowly(service: RunningService, messages: number, signal: AbortSignal): Promise<SlowRead> {
  await using agent = disposable(new Agent({ headersTimeout: 0, bodyTimeout: 0 }))
  const { body, statusCode } = await request(service.url + RESULT, { dispatcher: agent.agent, signal })
  if (statusCode !== 200) throw new Error(`${statusCode} ${await body.text()}`)

  const residentBytes: number[] = []
  const startedAt = performance.now()
  let fastSince: number | undefined
  let slowBytes = 0
  let restBytes = 0
  let sincePause = 0
  let count = 0
  let end = Buffer.alloc(0)
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const joined = Buffer.concat([end, chunk])
    count += occurrences(joined)
    end = joined.subarray(Math.max(0, joined.length - MARK.length + 1))
    if (fastSince !== undefined) {
      restBytes += chunk.length
      continue
    }
    slowBytes += chunk.length
    sincePause += chunk.length
    if (sincePause < SLOWLY.bytes) continue
    sincePause = 0
    await delay(SLOWLY.pauseMs, undefined, { signal })
    const seconds = (performance.now() - startedAt) / 1000
    if (seconds > residentBytes.length) residentBytes.push((await usageOf(service.pid)).residentBytes ?? Number.NaN)
    if (seconds > SLOWLY.seconds) fastSince = performance.now()
  }
  if (count !== messages) throw new Error(`The result had ${count} messages, not ${messages}`)
  const { peakBytes } = await usageOf(service.pid)
  const restSeconds = fastSince === undefined ? 0 : (performance.now() - fastSince) / 1000
  return { slowBytes, residentBytes, restBytes, restSeconds, peakBytes }
}

/** Of the mark; what is shorter than it at the end is looked at again with the next piece. */
function occurrences(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + MARK.length)) count++
  return count
}

function disposable(agent: Agent) {
  return { agent, [Symbol.asyncDispose]: () => agent.destroy() }
}
