import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import { AppError } from '../../errors.ts'
import { ApiClient, ApiError } from '../../http/client.ts'
import { hasEnded, startProgram, stopProgram } from '../child.ts'
import { describeMessages } from '../describe.ts'
import { readEnvironment } from '../environment.ts'
import { ProgressBar, sumProgress } from '../progress-bar.ts'
import { untilAskedToStop } from '../signals.ts'

/** Seeded mailboxes of the simulator that show different things: size, languages, a shared mailbox, an empty one. */
const MAILBOXES = [
  'adele.vance@contoso.example',
  'alex.wilber@contoso.example',
  'juergen.mueller@contoso.example',
  "siobhan.o'neill@contoso.example",
  'info@contoso.example',
  'empty@contoso.example',
]

const POLL_MS = 250

interface SimulatorFacts {
  url: string
  ca_file: string
  tenant_id: string
  client_id: string
  client_secret: string
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('everything at work on this machine: simulated mailboxes, the service, a batch being copied')
    .addHelpText(
      'after',
      `
Listens on PORT (3006). Needs no network and no tenant; data goes to DATA_DIR/demo (./data/demo).

Examples:
  outlookmail demo
  PORT=8080 outlookmail demo

Exit status:
  0  stopped when asked to
  1  could not start, or a part of it ended
  2  bad settings`,
    )
    .action(runDemo)
}

async function runDemo(): Promise<void> {
  const stopped = untilAskedToStop()
  const { PORT, DATA_DIR } = readEnvironment()
  const config = readConfig({ PORT, DATA_DIR }) // nothing else of the user's settings is for the demo
  const dataDir = join(config.dataDir, 'demo')
  const port = await freePort(config.port)
  await clear(dataDir, config)

  await using programs = new AsyncDisposableStack()
  await Promise.race([stopped, show({ dataDir, port, programs })])
}

interface Stage {
  dataDir: string
  port: number
  /** What is started, to be ended with the demo. */
  programs: AsyncDisposableStack
}

/** Never ends by itself, but where a program does. */
async function show({ dataDir, port, programs }: Stage): Promise<void> {
  const simulator = startProgram('simulator/main', ['--port', '0', '--latency', '20', '--json'])
  programs.defer(() => stopProgram(simulator))
  const facts = JSON.parse(await firstLine(simulator)) as SimulatorFacts
  say(`Simulated Microsoft Graph: ${facts.url}`)

  const service = startProgram('src/cli/main', ['serve'], serviceEnvironment(facts, dataDir, port))
  programs.defer(() => stopProgram(service))
  const url = `http://127.0.0.1:${port}`
  const simulatorEnded = untilEnded('simulator', simulator)
  await Promise.race([simulatorEnded, showCopying(service, url, dataDir)])
  await Promise.race([simulatorEnded, untilEnded('service', service)])
}

async function showCopying(service: ChildProcess, url: string, dataDir: string): Promise<void> {
  try {
    await copyAll(service, url, dataDir)
  } catch (error) {
    // Its end comes a moment after it has let go of the connection.
    if (error instanceof ApiError && error.code === 'service_unreachable') await untilEnded('service', service)
    throw error
  }
}

async function copyAll(service: ChildProcess, url: string, dataDir: string): Promise<void> {
  const client = new ApiClient(url)
  await untilAnswering(client, service)
  say(`Service:                   ${url} (this machine only)`)
  const { batch_id } = await client.startBatch({ user_upns: MAILBOXES })
  say(`Batch of ${MAILBOXES.length} mailboxes:      ${batch_id}\n`)
  await followBatch(client, batch_id)
  say(whatNext(url, dataDir, batch_id))
}

/** The service would notice a port that is taken as well, but only after the simulator has started. */
async function freePort(port: number): Promise<number> {
  const probe = createServer().listen(port, '127.0.0.1')
  try {
    await once(probe, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'is taken by another program: stop it, or set PORT' : `cannot be used (${code})`
    throw new AppError('port_taken', `Port ${port} of 127.0.0.1 ${why}`, { cause })
  }
  const { port: found } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return found
}

/** The folder is the demo's own: each demo begins with nothing copied. Another one that runs keeps what it has. */
async function clear(dataDir: string, config: Config): Promise<void> {
  const database = join(dataDir, 'outlookmail.db')
  if (existsSync(database)) {
    try {
      const { startApp } = await import('../../app.ts')
      const own = {
        dataDir,
        database: { kind: 'sqlite', path: database },
        blobStore: { kind: 'file', path: join(dataDir, 'blobs') },
      } as const
      const app = await startApp({ ...config, ...own, port: 0, logLevel: 'silent' }, IDLE)
      await app.close()
    } catch (error) {
      if (error instanceof AppError && error.code === 'database_in_use') throw error
    }
  }
  try {
    rmSync(dataDir, { recursive: true, force: true })
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new AppError('storage_readonly', `DATA_DIR: the demo cannot make its folder ${dataDir} (${code})`, { cause })
  }
}

const IDLE = { work: false }

function serviceEnvironment(facts: SimulatorFacts, dataDir: string, port: number): NodeJS.ProcessEnv {
  return {
    ...process.env,
    OUTLOOK_GRAPH_URL: facts.url,
    OUTLOOK_LOGIN_URL: facts.url,
    NODE_EXTRA_CA_CERTS: facts.ca_file,
    TENANT_ID: facts.tenant_id,
    OUTLOOK_CLIENT_ID: facts.client_id,
    OUTLOOK_CLIENT_SECRET: facts.client_secret,
    OUTLOOK_CLIENT_CERTIFICATE_PATH: '',
    OUTLOOK_CLOUD: 'global',
    DATA_DIR: dataDir,
    DATABASE_URL: `sqlite:${dataDir}/outlookmail.db`,
    BLOB_STORE: `file:${dataDir}/blobs`,
    HOST: '127.0.0.1',
    PORT: String(port),
    LOG_LEVEL: 'error',
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('The program was started without an output to read')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new AppError('service_unreachable', 'The simulator ended before it was ready; its own message is above')
}

async function untilEnded(name: string, program: ChildProcess): Promise<never> {
  if (!hasEnded(program)) await once(program, 'exit')
  throw new AppError('service_unreachable', `The ${name} of the demo has ended; its own message is above`)
}

async function untilAnswering(client: ApiClient, service: ChildProcess): Promise<void> {
  for (;;) {
    try {
      await client.health()
      return
    } catch (error) {
      if (hasEnded(service)) throw error
      await delay(POLL_MS)
    }
  }
}

async function followBatch(client: ApiClient, batchId: string): Promise<void> {
  using bar = new ProgressBar()
  for (;;) {
    const batch = await client.batchStatus(batchId)
    const ended = batch.processed_users + batch.failed_users
    bar.show({ ...sumProgress([batch.progress]), note: `${ended}/${batch.total_users} mailboxes` })
    if (batch.remaining_users === 0) {
      bar.say(`\nBatch ${batch.status}: ${describeMessages(batch.progress)}`)
      return
    }
    await delay(POLL_MS)
  }
}

function whatNext(url: string, dataDir: string, batchId: string): string {
  const api = `${url}/api/emails/extract`
  const member = encodeURIComponent(`${batchId}:${MAILBOXES[0]}`)
  return `
Try next, in another terminal:

  # how the batch is, and each mailbox of it
  curl ${api}/batch/status/${batchId}
  curl ${api}/batch/users/${batchId}

  # the mail of one mailbox, newest first
  curl '${api}/result/${member}?limit=2'

  # start one mailbox under a name of your own, look at it, pause it, go on
  curl -X POST ${api}/start/conn1 -H 'Content-Type: application/json' -d '{"user_upn": "user@example.com"}'
  curl ${api}/status/conn1
  curl -X POST ${api}/pause/conn1
  curl -X POST ${api}/continue/conn1

  # the mail itself, in SQLite: ${dataDir}/outlookmail.db
  sqlite3 '${dataDir}/outlookmail.db' "select path, count(*) from emails join folders on folders.id = emails.parent_folder_id group by path"

  # the documentation of the API: ${url}/docs

Ctrl-C ends the demo.`
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
