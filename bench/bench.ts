import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { batchByMailboxes } from './batch-by-mailboxes.ts'
import { Findings, publish } from './findings.ts'
import { memoryBySize } from './memory-by-size.ts'
import { requestsBySize } from './requests.ts'
import type { Part, Settings } from './surroundings.ts'
import { unchangedAgain } from './unchanged-again.ts'
import { versusFilesFloor } from './versus-files-floor.ts'
import { versusFloor } from './versus-floor.ts'
import { versusLatency } from './versus-latency.ts'
import { versusNaive } from './versus-naive.ts'
import { versusPostgresFloor } from './versus-postgres-floor.ts'
import { workersOnPostgres } from './workers-on-postgres.ts'

const PARTS = {
  pages: versusFloor,
  postgres: versusPostgresFloor,
  latency: versusLatency,
  naive: versusNaive,
  requests: requestsBySize,
  attachments: versusFilesFloor,
  workers: workersOnPostgres,
  memory: memoryBySize,
  batch: batchByMailboxes,
  incremental: unchangedAgain,
} as const

const HELP = `Usage: npm run bench -- [options]

How fast the service copies, as ratios within this one run. Prints the tables; without options, which is how figures are
compared, it also writes them to bench/results.md, and charts and figures to docs.

  --only PART      one of ${Object.keys(PARTS).join(', ')}, in place of all
  --runs N         measured runs of each program (5)
  --messages N     messages in the mailbox (20000)
  --file-messages N  messages in the mailbox with attachments (5000)
  --tiny N         mailboxes of one message, for two workers (10000)
  --large N        messages in the largest of the mailboxes of which the memory is measured (1000000)
  --unchanged N    messages in the mailbox that is copied again and again (100000)
  --bare-floor     measure the floor without the index by time as well
  --profile DIR    leave CPU profiles of the service in DIR; they cost some speed
  --write DIR      write into DIR what a run without options writes into the project
  --help           this text
`

// Exit statuses: 1 when a run fails, 2 for a mistake in the arguments, 130 after Ctrl-C, as shells count.

async function main(): Promise<void> {
  const settings = readArguments()
  if (!settings) return
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt.abort())
  const folder = await mkdtemp(join(tmpdir(), 'outlookmail-bench-'))
  try {
    const machine = describeMachine()
    const surroundings = { folder, signal: interrupt.signal, say, findings: new Findings() }
    const sections: string[] = []
    for (const part of settings.parts) sections.push(await PARTS[part](settings, surroundings))
    const text = `# Results of npm run bench\n\n${machine}\n\n${sections.join('\n\n')}\n`
    process.stdout.write(text)
    // Short or altered runs are for whoever makes them.
    if (process.argv.length === 2) await publish(text, machine, surroundings.findings)
    if (settings.writeTo) await publish(text, machine, surroundings.findings, settings.writeTo)
  } catch (error) {
    if (!interrupt.signal.aborted) throw error
    say('stopped')
    process.exitCode = 130
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function readArguments(): Settings | undefined {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      runs: { type: 'string', default: '5' },
      messages: { type: 'string', default: '20000' },
      'file-messages': { type: 'string', default: '5000' },
      tiny: { type: 'string', default: '10000' },
      large: { type: 'string', default: '1000000' },
      unchanged: { type: 'string', default: '100000' },
      'bare-floor': { type: 'boolean', default: false },
      profile: { type: 'string' },
      write: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return undefined
  }
  return {
    parts: partsOf(values.only),
    runs: positive('runs', values.runs),
    messages: positive('messages', values.messages),
    fileMessages: positive('file-messages', values['file-messages']),
    tiny: positive('tiny', values.tiny),
    large: positive('large', values.large),
    unchanged: positive('unchanged', values.unchanged),
    bareFloor: values['bare-floor'],
    writeTo: values.write === undefined ? undefined : pathToFileURL(`${resolve(values.write)}/`),
    nodeOptions: values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(values.profile)}`],
  }
}

function partsOf(only: string | undefined): Settings['parts'] {
  const parts = Object.keys(PARTS) as Part[]
  if (only === undefined) return parts
  const part = parts.find((name) => name === only)
  if (!part) throw new UsageError(`--only cannot be '${only}'`)
  return [part]
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!/^\d{1,7}$/.test(text) || value === 0) throw new UsageError(`--${name} cannot be '${text}'`)
  return value
}

/** A mistake in the command line. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

function isFromParseArgs(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')
}

function describeMachine(): string {
  const command = ['npm run bench', ...(process.argv.length > 2 ? ['--'] : []), ...process.argv.slice(2)].join(' ')
  const gigabytes = Math.round(totalmem() / 1024 ** 3)
  const [load = 0] = loadavg()
  const facts = [
    new Date().toISOString().slice(0, 16).replace('T', ' ').concat(' UTC'),
    `\`${command}\``,
    `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${gigabytes} GB`,
    `${process.platform} ${process.arch}`,
    `Node ${process.version}`,
    `load ${load.toFixed(1)} before the start`,
  ]
  return facts.join(' · ')
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

main().catch((error: unknown) => {
  const isUsage = error instanceof UsageError || isFromParseArgs(error)
  process.stderr.write(`${error instanceof Error ? error.message : error}${isUsage ? '. Try --help.' : ''}\n`)
  process.exitCode = isUsage ? 2 : 1
})
