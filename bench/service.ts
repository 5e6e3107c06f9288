import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ApiClient } from '../src/http/client.ts'
import type { StartBody } from '../src/http/contract.ts'
import { busySeconds, Program, usageOf } from './processes.ts'
import type { SimulatedMailbox } from './simulated-mailbox.ts'

const ROOT = new URL('../', import.meta.url)
const EVENT_LOOP_DELAY = new URL('event-loop-delay.js', import.meta.url)

/** Seldom enough to cost the service nothing; its record has the exact times. */
const POLL_MS = 100

export interface Copy {
  /** From our request to the last page in the database. */
  seconds: number
  /** Of the service in that time. */
  cpuSeconds: number | undefined
  /** Of all programs in that time. */
  busySeconds: number
  /** Of the service in all its life. */
  peakBytes: number | undefined
  /** Of the questions for its status while it copied, how long the slowest took. */
  slowestAnswerMs: number
  /** How late its main thread came to what was due in that time. */
  eventLoopDelayMs: EventLoopDelay
}

export interface EventLoopDelay {
  p50: number
  p99: number
  max: number
}

export interface ServicePlace {
  /** Empty: everything is copied. */
  dataDir: string
  /** Where Node keeps what it has compiled, from one start to the next. */
  cacheDir: string
  nodeOptions: readonly string[]
  /** Beside those that the mailbox needs. */
  settings?: NodeJS.ProcessEnv
  /** Of the start. */
  options: NonNullable<StartBody['options']>
  signal: AbortSignal
}

/** Copies the mailbox as a user would: with the service that `npm start` starts, over HTTP. */
export async function copyWithService(
  mailbox: Pick<SimulatedMailbox, 'simulator' | 'userUpn'>,
  { dataDir, cacheDir, nodeOptions, settings, options, signal }: ServicePlace,
): Promise<Copy> {
  const args = [`--import=${EVENT_LOOP_DELAY}`, ...nodeOptions, ...(await argumentsOf('start'))]
  const env = { ...mailbox.simulator.settings, DATA_DIR: dataDir, NODE_COMPILE_CACHE: cacheDir }
  await using program = new Program(args, { cwd: dataDir, env: { ...env, ...settings }, signal })
  const url = await program.line((line) => /^outlookmail listens on (\S+)/.exec(line)?.[1])
  const client = new ApiClient(url)

  const before = await usageOf(program.pid)
  const busyBefore = busySeconds()
  program.signal('SIGUSR2')
  const askedAt = Date.now()
  await client.start('bench', { user_upn: mailbox.userUpn, options })
  const { record, slowestAnswerMs } = await untilEnded(client, signal)
  const busyAfter = busySeconds()
  const after = await usageOf(program.pid)
  program.signal('SIGUSR2')
  if (record.status !== 'completed')
    throw new Error(`The extraction is ${record.status}: ${record.error}\n${program.output}`)
  return {
    seconds: (Date.parse(record.completed_at ?? '') - askedAt) / 1000,
    cpuSeconds: difference(after.cpuSeconds, before.cpuSeconds),
    busySeconds: busyAfter - busyBefore,
    peakBytes: after.peakBytes,
    slowestAnswerMs,
    eventLoopDelayMs: await program.line(readEventLoopDelay),
  }
}

function readEventLoopDelay(line: string): EventLoopDelay | undefined {
  if (!line.startsWith('{"eventLoopDelayMs"')) return undefined
  return (JSON.parse(line) as { eventLoopDelayMs: EventLoopDelay }).eventLoopDelayMs
}

/** What an npm script gives to Node, so that what is measured is what people run. */
export async function argumentsOf(script: 'start' | 'outlookmail'): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8')) as {
    scripts: Record<typeof script, string>
  }
  const [, ...args] = scripts[script].split(' ')
  return args.map((arg) => (arg.endsWith('.js') ? fileURLToPath(new URL(arg, ROOT)) : arg))
}

async function untilEnded(client: ApiClient, signal: AbortSignal) {
  let slowestAnswerMs = 0
  for (;;) {
    const askedAt = performance.now()
    const record = await client.status('bench')
    slowestAnswerMs = Math.max(slowestAnswerMs, performance.now() - askedAt)
    if (record.status === 'not_started') throw new Error('The extraction vanished')
    if (record.status !== 'queued' && record.status !== 'in_progress') return { record, slowestAnswerMs }
    await delay(POLL_MS, undefined, { signal })
  }
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before
}
