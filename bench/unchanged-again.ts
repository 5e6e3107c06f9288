import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { StatusRecord } from '../src/http/contract.ts'
import { checkComplete } from './check-copies.ts'
import { RunningService } from './running-service.ts'
import { type Asked, SimulatedMailbox } from './simulated-mailbox.ts'
import type { Settings, Surroundings } from './surroundings.ts'
import { median, number, spreadTable } from './table.ts'

const FOLDERS = 40
const BODY_BYTES = 2_000
const REQUESTS_BESIDE_FOLDERS = 10
const POLL_MS = 20

interface Again {
  seconds: number
  asked: Asked
}

/** A mailbox in which nothing has changed since it was copied: what a run costs that has nothing to do. */
export async function unchangedAgain(settings: Settings, surroundings: Surroundings): Promise<string> {
  const { unchanged: messages, runs, nodeOptions } = settings
  const { folder, signal, say } = surroundings
  await using mailbox = await SimulatedMailbox.open(messages, {
    folder,
    signal,
    folders: FOLDERS,
    bodyBytes: BODY_BYTES,
    isPrepared: false,
  })
  const dataDir = await mkdtemp(join(folder, 'unchanged-'))
  const first = await copyFirst(mailbox, dataDir, surroundings)
  checkComplete(join(dataDir, 'outlookmail.db'), messages)
  say(`first run: ${number(first.record.progress.messages_stored, 0)} messages, ${number(first.seconds, 1)} s`)

  const again: Again[] = []
  for (let n = 1; n <= runs; n++) {
    // A process of its own: what the one before remembers (a token, the form of its answers) is not there at night.
    await using service = await RunningService.start(mailbox.simulator, dataDir, { ...surroundings, nodeOptions })
    const { result, asked } = await mailbox.observe(() => copyOnce(service, mailbox.userUpn, signal))
    const { messages_stored, messages_unchanged } = result.record.progress
    if (messages_stored !== 0) throw new Error(`${messages_stored} messages were stored again`)
    again.push({ seconds: result.seconds, asked })
    say(`run ${n} of ${runs}: ${asked.requests} requests, ${number(result.seconds, 2)} s, ${messages_unchanged} listed`)
  }
  await rm(dataDir, { recursive: true })
  return report(again, first.seconds, messages, surroundings)
}

async function copyFirst(mailbox: SimulatedMailbox, dataDir: string, surroundings: Surroundings) {
  await using service = await RunningService.start(mailbox.simulator, dataDir, surroundings)
  return await copyOnce(service, mailbox.userUpn, surroundings.signal)
}

/** From our request to the end, as the record tells it. */
async function copyOnce({ client }: RunningService, userUpn: string, signal: AbortSignal) {
  const askedAt = Date.now()
  await client.start('bench', { user_upn: userUpn, options: { attachments: 'none' } })
  for (;;) {
    const record = await client.status('bench')
    if (record.status === 'completed') return { seconds: secondsSince(askedAt, record), record }
    if (record.status !== 'queued' && record.status !== 'in_progress') throw new Error(`The run is ${record.status}`)
    await delay(POLL_MS, undefined, { signal })
  }
}

function secondsSince(askedAt: number, { completed_at }: StatusRecord): number {
  return (Date.parse(completed_at ?? '') - askedAt) / 1000
}

function report(again: readonly Again[], firstSeconds: number, messages: number, { findings }: Surroundings): string {
  const requests = again.map(({ asked }) => asked.requests)
  const seconds = again.map((run) => run.seconds)
  const most = FOLDERS + REQUESTS_BESIDE_FOLDERS
  findings.figures.push({
    what: `A second run over ${number(messages, 0)} unchanged messages in ${FOLDERS} folders`,
    value: `${number(median(requests), 0)} requests, ${number(median(seconds), 2)} s`,
    target: `${most} requests or less`,
    part: 'incremental',
  })
  return [
    `## A second run over ${number(messages, 0)} unchanged messages in ${FOLDERS} folders`,
    `A process of its own for each run, on SQLite, no latency. The first run took ${number(firstSeconds, 0)} s, with a simulator that made its pages meanwhile.`,
    spreadTable([
      { name: 'requests, login included', digits: 0, values: requests, target: `${most} or less` },
      { name: 'seconds', digits: 2, values: seconds },
      {
        name: "simulator's CPU / time",
        digits: 2,
        values: again.map((run) => run.asked.cpuSeconds / run.seconds),
      },
    ]),
  ].join('\n\n')
}
