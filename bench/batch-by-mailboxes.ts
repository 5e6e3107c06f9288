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

/** The same mail in one mailbox, in ten, in a hundred and in a thousand: what a mailbox costs beside its messages. */
export async function batchByMailboxes(settings: Settings, surroundings: Surroundings): Promise<string> {
  const { messages, runs } = settings
  const counts = COUNTS.filter((count) => count <= messages)
  await using simulator = await SimulatorProgram.start(worldOf(counts, messages), surroundings)
  const measured = counts.map((count): { count: number; copies: BatchCopy[] } => ({ count, copies: [] }))
  for (let n = 0; n <= runs; n++) {
    for (const { count, copies } of measured) {
      const copy = await copyBatch(simulator, namesOf(count), settings, surroundings)
      const isCounted = n > 0 // the first time, the simulator makes its pages
      if (isCounted) copies.push(copy)
      const name = isCounted ? `run ${n} of ${runs}` : 'rehearsal, not counted'
      surroundings.say(`${name}: ${number(count, 0)} mailboxes, ${number(messages / copy.seconds, 0)} messages/s`)
    }
  }
  return report(measured, messages, surroundings)
}

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `of${count}-${n}@example.com`)
}

/** For each count so many mailboxes, with `messages` in sum. */
function worldOf(counts: readonly number[], messages: number): string[] {
  const mailboxes = counts.flatMap((count) =>
    namesOf(count).flatMap((name, n) => ['--mailbox', `${name}=${Math.floor((messages + n) / count)}`]),
  )
  return ['--prepared', '--no-limits', '--body-bytes', String(BODY_BYTES), ...mailboxes]
}

async function copyBatch(
  simulator: SimulatorProgram,
  userUpns: string[],
  { messages, nodeOptions }: Settings,
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

function report(
  measured: readonly { count: number; copies: readonly BatchCopy[] }[],
  messages: number,
  { findings }: Surroundings,
): string {
  const one = measured[0]?.copies ?? []
  const speedOf = (copy: BatchCopy) => messages / copy.seconds
  const cpuOf = (copy: BatchCopy) => (copy.cpuSeconds / messages) * 1e3
  const figures = measured.flatMap(({ count, copies }): Figure[] => {
    const name = `${number(count, 0)} mailbox${count === 1 ? '' : 'es'}`
    // Run by run, so that what disturbs the machine for a while disturbs both.
    const against = (value: (copy: BatchCopy) => number) =>
      copies.map((copy, run) => value(copy) / value(one[run] ?? copy))
    return [
      { name: `${name}, messages/s`, digits: 0, values: copies.map(speedOf) },
      { name: `${name}, CPU s per 1,000 messages`, digits: 3, values: copies.map(cpuOf) },
      ...(count === 1
        ? []
        : [
            { name: `${name} / 1 mailbox, speed`, digits: 2, values: against(speedOf), target: '0.90 to 1.10' },
            { name: `${name} / 1 mailbox, CPU`, digits: 2, values: against(cpuOf), target: '0.90 to 1.10' },
          ]),
      { name: `${name}, requests`, digits: 0, values: copies.map(({ requests }) => requests) },
      { name: `${name}, peak memory, MB`, digits: 0, values: copies.map(({ peakBytes }) => peakBytes / 1e6) },
      {
        name: `${name}, others' CPU / time`,
        digits: 2,
        values: copies.map((copy) => (copy.busySeconds - copy.cpuSeconds - copy.simulatorCpuSeconds) / copy.seconds),
      },
    ]
  })
  const speeds = measured.map(({ copies }) => median(copies.map(speedOf)))
  findings.charts.set('batch', {
    kind: 'line',
    title: `${number(messages, 0)} messages in ever more mailboxes`,
    x: { name: 'mailboxes', values: measured.map(({ count }) => number(count, 0)) },
    y: { name: 'messages a second' },
    series: [{ name: 'messages a second', values: speeds }],
    target: { value: (speeds[0] ?? 0) * 0.9, name: 'target: 0.90 of one mailbox' },
  })
  const worst = Math.min(...speeds)
  findings.figures.push({
    what: `Speed of ${number(messages, 0)} messages in as many as ${number(measured.at(-1)?.count, 0)} mailboxes, against one mailbox`,
    value: `${number(worst / (speeds[0] ?? 0), 2)} at worst`,
    target: '0.90 or more',
    part: 'batch',
  })
  return [
    `## ${number(messages, 0)} messages in ever more mailboxes`,
    'One process on SQLite, no latency, no limits; a batch of mailboxes with one folder each, from the first start to the last end.',
    spreadTable(figures),
  ].join('\n\n')
}
