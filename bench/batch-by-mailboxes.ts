import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { checkComplete } from './check-copies.ts'
import { busySeconds, usageOf } from './processes.ts'
import { RunningService } from './running-service.ts'
import { SimulatorProgram } from './simulator-program.ts'
import type { Settings, Surroundings } from './surroundings.ts'
import { type Figure, median, number, spreadTable } from './table.ts'

const COUNTS = [1, 10, 100, 1000]
/** With the 20,000 messages of all other parts, 200 in each: few for a mailbox, so what it costs by itself still shows. */
const MAILBOXES_OF_ONE_SIZE = 100
const FLAT = '0.90 to 1.10'
const BODY_BYTES = 6_000
const POLL_MS = 100

interface BatchCopy {
  seconds: number
  cpuSeconds: number
  requests: number
  simulatorCpuSeconds: number
  busySeconds: number
  peakBytes: number
}

/** One batch that is copied: so many mailboxes, with so many messages in sum. */
interface Load {
  count: number
  messages: number
  userUpns: string[]
}

interface MeasuredLoad extends Load {
  copies: BatchCopy[]
}

/**
 * Ever more mailboxes: of one size, as the mailboxes of a tenant come, and with the same mail in sum, which shows what a
 * mailbox costs beside its messages.
 */
export async function batchByMailboxes(settings: Settings, surroundings: Surroundings): Promise<string> {
  const { messages, runs } = settings
  const counts = COUNTS.filter((count) => count <= messages)
  const size = Math.max(1, Math.round(messages / MAILBOXES_OF_ONE_SIZE))
  const ofOneSize = counts.map((count) => loadOf('even', count, count * size))
  const shared = counts.map((count) => loadOf('shared', count, messages))
  const loads = [...ofOneSize, ...shared]
  await using simulator = await SimulatorProgram.start(worldOf(loads), surroundings)
  for (let n = 0; n <= runs; n++) {
    for (const load of loads) {
      const copy = await copyBatch(simulator, load, settings, surroundings)
      const isCounted = n > 0 // the first time, the simulator makes its pages
      if (isCounted) load.copies.push(copy)
      const name = isCounted ? `run ${n} of ${runs}` : 'rehearsal, not counted'
      const speed = number(load.messages / copy.seconds, 0)
      const what = `${number(load.count, 0)} mailboxes with ${number(load.messages, 0)} messages`
      surroundings.say(`${name}: ${what}, ${speed} messages/s`)
    }
  }
  return [reportOneSize(ofOneSize, size, surroundings), reportShared(shared, messages, surroundings)].join('\n\n')
}

function loadOf(name: string, count: number, messages: number): MeasuredLoad {
  const userUpns = Array.from({ length: count }, (_, n) => `${name}-${count}-${n}@example.com`)
  return { count, messages, userUpns, copies: [] }
}

function worldOf(loads: readonly Load[]): string[] {
  const mailboxes = loads.flatMap(({ userUpns, count, messages }) =>
    userUpns.flatMap((name, n) => ['--mailbox', `${name}=${Math.floor((messages + n) / count)}`]),
  )
  return ['--prepared', '--no-limits', '--body-bytes', String(BODY_BYTES), ...mailboxes]
}

async function copyBatch(
  simulator: SimulatorProgram,
  { userUpns, messages }: Load,
  { nodeOptions }: Settings,
  surroundings: Surroundings,
): Promise<BatchCopy> {
  const dataDir = await mkdtemp(join(surroundings.folder, 'batch-'))
  const copy = await copyInto(dataDir, simulator, userUpns, { ...surroundings, nodeOptions })
  checkComplete(join(dataDir, 'outlookmail.db'), messages)
  await rm(dataDir, { recursive: true })
  return copy
}

async function copyInto(
  dataDir: string,
  simulator: SimulatorProgram,
  userUpns: string[],
  surroundings: Surroundings & Pick<Settings, 'nodeOptions'>,
): Promise<BatchCopy> {
  await using service = await RunningService.start(simulator, dataDir, surroundings)
  const { client, pid } = service
  await simulator.control.resetStats()
  const asked = await simulator.control.stats()
  const before = await usageOf(pid)
  const busyBefore = busySeconds()
  const { batch_id } = await client.startBatch({ user_upns: userUpns, options: { attachments: 'none' } })
  for (;;) {
    const { status, processed_users, remaining_users, started_at, completed_at } = await client.batchStatus(batch_id)
    if (processed_users === userUpns.length) {
      const after = await usageOf(pid)
      const { requests, cpu_seconds } = await simulator.control.stats()
      return {
        seconds: (Date.parse(completed_at ?? '') - Date.parse(started_at ?? '')) / 1000,
        cpuSeconds: (after.cpuSeconds ?? Number.NaN) - (before.cpuSeconds ?? Number.NaN),
        requests,
        simulatorCpuSeconds: cpu_seconds - asked.cpu_seconds,
        busySeconds: busySeconds() - busyBefore,
        peakBytes: after.peakBytes ?? Number.NaN,
      }
    }
    if (remaining_users === 0) throw new Error(`The batch is ${status} with ${processed_users} users copied`)
    await delay(POLL_MS, undefined, { signal: surroundings.signal })
  }
}

/** From ten on: of one mailbox alone, most of the time nobody waits for anything but its next page. */
function reportOneSize(measured: readonly MeasuredLoad[], size: number, { findings }: Surroundings): string {
  const [, ten] = measured
  const worst = Math.min(...measured.slice(1).map((load) => median(ratiosOf(speedOf, load, ten))))
  const what = `${number(measured.at(-1)?.count, 0)} mailboxes of ${number(size, 0)} messages`
  findings.figures.push({
    what: `Speed of a batch of as many as ${what}, against ten of them`,
    value: `${number(worst, 2)} at worst`,
    target: '0.90 or more',
    part: 'batch',
  })
  return [
    `## Ever more mailboxes of ${number(size, 0)} messages`,
    'One process on SQLite, no latency, no limits; a batch of mailboxes with one folder each, from the first start to the last end.',
    spreadTable(figuresOf(measured, ten)),
  ].join('\n\n')
}

function reportShared(measured: readonly MeasuredLoad[], messages: number, { findings }: Surroundings): string {
  const [one] = measured
  const speeds = measured.map((load) => median(load.copies.map((copy) => speedOf(copy, load))))
  findings.charts.set('batch', {
    kind: 'line',
    title: `${number(messages, 0)} messages in ever more mailboxes`,
    x: { name: 'mailboxes', values: measured.map(({ count }) => number(count, 0)) },
    y: { name: 'messages a second' },
    series: [{ name: 'messages a second', values: speeds }],
    target: { value: (speeds[0] ?? 0) * 0.9, name: 'target: 0.90 of one mailbox' },
  })
  findings.figures.push({
    what: `Speed of ${number(messages, 0)} messages in as many as ${number(measured.at(-1)?.count, 0)} mailboxes, against one mailbox`,
    value: `${number(Math.min(...speeds) / (speeds[0] ?? 0), 2)} at worst`,
    target: '0.90 or more',
    part: 'batch',
  })
  return [
    `## ${number(messages, 0)} messages in ever more mailboxes`,
    'As above, but for the size of the mailboxes: together they always hold the same.',
    spreadTable(figuresOf(measured, one)),
  ].join('\n\n')
}

function figuresOf(measured: readonly MeasuredLoad[], base: MeasuredLoad | undefined): Figure[] {
  const nameOf = ({ count }: Load) => `${number(count, 0)} mailbox${count === 1 ? '' : 'es'}`
  return measured.flatMap((load): Figure[] => {
    const { copies } = load
    const name = nameOf(load)
    const against = base && base.count < load.count ? nameOf(base) : undefined
    return [
      { name: `${name}, messages/s`, digits: 0, values: copies.map((copy) => speedOf(copy, load)) },
      { name: `${name}, CPU s per 1,000 messages`, digits: 3, values: copies.map((copy) => cpuOf(copy, load)) },
      ...(against
        ? [
            { name: `${name} / ${against}, speed`, digits: 2, values: ratiosOf(speedOf, load, base), target: FLAT },
            { name: `${name} / ${against}, CPU`, digits: 2, values: ratiosOf(cpuOf, load, base), target: FLAT },
          ]
        : []),
      { name: `${name}, requests`, digits: 0, values: copies.map(({ requests }) => requests) },
      { name: `${name}, peak memory, MB`, digits: 0, values: copies.map(({ peakBytes }) => peakBytes / 1e6) },
      {
        name: `${name}, simulator's CPU / time`,
        digits: 2,
        values: copies.map(({ simulatorCpuSeconds, seconds }) => simulatorCpuSeconds / seconds),
      },
      {
        name: `${name}, others' CPU / time`,
        digits: 2,
        values: copies.map((copy) => (copy.busySeconds - copy.cpuSeconds - copy.simulatorCpuSeconds) / copy.seconds),
      },
    ]
  })
}

function speedOf({ seconds }: BatchCopy, { messages }: Load): number {
  return messages / seconds
}

function cpuOf({ cpuSeconds }: BatchCopy, { messages }: Load): number {
  return (cpuSeconds / messages) * 1e3
}

/** Run by run, so that what disturbs the machine for a while disturbs both. */
function ratiosOf(value: (copy: BatchCopy, load: Load) => number, load: MeasuredLoad, base: MeasuredLoad | undefined) {
  return load.copies.map((copy, run) => {
    const other = base?.copies[run]
    return base && other ? value(copy, load) / value(other, base) : Number.NaN
  })
}
