import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { requestsBySize } from './requests.ts'
import type { Part, Settings } from './surroundings.ts'
import { versusFilesFloor } from './versus-files-floor.ts'
import { versusFloor } from './versus-floor.ts'
import { versusLatency } from './versus-latency.ts'
import { versusNaive } from './versus-naive.ts'
import { workersOnPostgres } from './workers-on-postgres.ts'

const HELP = `Usage: npm run bench -- [options]

How fast the service copies, as ratios within this one run. Prints the tables; without options, which is how figures are
compared, it also writes them to bench/results.md.

  --only PART      pages, latency, naive, requests, attachments or workers, in place of all
  --runs N         measured runs of each program (5)
  --messages N     messages in the mailbox (20000)
  --file-messages N  messages in the mailbox with attachments (5000)
  --tiny N         mailboxes of one message, for two workers (10000)
  --bare-floor     measure the floor without the index by time as well
  --profile DIR    leave CPU profiles of the service in DIR; they cost some speed
  --help           this text
`

const RESULTS = new URL('results.md', import.meta.url)

const PARTS = {
  pages: versusFloor,
  latency: versusLatency,
  naive: versusNaive,
  requests: requestsBySize,
  attachments: versusFilesFloor,
  workers: workersOnPostgres,
} as const

// Exit statuses: 1 when a run fails, 2 for a mistake in the arguments, 130 after Ctrl-C, as shells count.

async function main(): Promise<void> {
  const settings = readArguments()
  if (!settings) return
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt.abort())
  const folder = await mkdtemp(join(tmpdir(), 'outlookmail-bench-'))
  try {
    const machine = describeMachine()
    const surroundings = { folder, signal: interrupt.signal, say }
    const sections: string[] = []
    for (const part of settings.parts) sections.push(await PARTS[part](settings, surroundings))
    const text = `# Results of npm run bench\n\n${machine}\n\n${sections.join('\n\n')}\n`
    process.stdout.write(text)
    // Short or altered runs are for whoever makes them.
    if (process.argv.length === 2) await writeFile(RESULTS, text)
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
      'bare-floor': { type: 'boolean', default: false },
      profile: { type: 'string' },
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
    bareFloor: values['bare-floor'],
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
