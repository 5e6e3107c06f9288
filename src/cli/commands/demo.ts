import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { AppError } from '../../errors.ts'
import { ApiClient } from '../../http/client.ts'
import { startProgram, stopProgram } from '../child.ts'
import { describeMessages } from '../describe.ts'
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
      '\nListens on PORT (3006). Needs no network and no tenant; data goes to DATA_DIR/demo (./data/demo).',
    )
    .action(runDemo)
}

async function runDemo(): Promise<void> {
  const stopped = untilAskedToStop()
  const dataDir = resolve(process.env.DATA_DIR ?? './data', 'demo')
  const port = process.env.PORT ?? '3006'
  await refuseTakenPort(port)
  rmSync(dataDir, { recursive: true, force: true }) // the demo's own folder: each demo begins with nothing copied

  await using programs = new AsyncDisposableStack()
  const simulator = startProgram('simulator/main', ['--port', '0', '--latency', '20', '--json'])
  programs.defer(() => stopProgram(simulator))
  const facts = JSON.parse(await firstLine(simulator)) as SimulatorFacts
  say(`Simulated Microsoft Graph: ${facts.url}`)

  const service = startProgram('src/cli/main', ['serve'], serviceEnvironment(facts, dataDir, port))
  programs.defer(() => stopProgram(service))
  const url = `http://127.0.0.1:${port}`
  const client = new ApiClient(url)
  await untilAnswering(client, service)
  say(`Service:                   ${url} (this machine only)`)

  const { batch_id } = await client.startBatch({ user_upns: MAILBOXES })
  say(`Batch of ${MAILBOXES.length} mailboxes:      ${batch_id}\n`)
  const followed = await Promise.race([followBatch(client, batch_id), stopped])
  if (followed === undefined) return

  say(whatNext(url, dataDir, batch_id))
  await Promise.race([stopped, once(service, 'exit')])
}

/** The service alone would notice too, but only after the simulator has started. */
async function refuseTakenPort(port: string): Promise<void> {
  const answers = await fetch(`http://127.0.0.1:${port}/health`).then(
    () => true,
    () => false,
  )
  if (answers) throw new AppError('port_taken', `Port ${port} is taken by another program: stop it, or set PORT`)
}

function serviceEnvironment(facts: SimulatorFacts, dataDir: string, port: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    OUTLOOK_GRAPH_URL: facts.url,
    OUTLOOK_LOGIN_URL: facts.url,
    NODE_EXTRA_CA_CERTS: facts.ca_file,
    TENANT_ID: facts.tenant_id,
    OUTLOOK_CLIENT_ID: facts.client_id,
    OUTLOOK_CLIENT_SECRET: facts.client_secret,
    DATA_DIR: dataDir,
    DATABASE_URL: `sqlite:${dataDir}/outlookmail.db`,
    HOST: '127.0.0.1',
    PORT: port,
    LOG_LEVEL: 'error',
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('The program was started without an output to read')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new AppError('service_unreachable', 'The simulator ended before it was ready; its own message is above')
}

async function untilAnswering(client: ApiClient, service: ChildProcess): Promise<void> {
  for (;;) {
    if (service.exitCode !== null) {
      throw new AppError('service_unreachable', 'The service ended before it was ready; its own message is above')
    }
    try {
      await client.health()
      return
    } catch {
      await delay(POLL_MS)
    }
  }
}

async function followBatch(client: ApiClient, batchId: string): Promise<'ended'> {
  using bar = new ProgressBar()
  for (;;) {
    const batch = await client.batchStatus(batchId)
    const ended = batch.processed_users + batch.failed_users
    bar.show({ ...sumProgress([batch.progress]), note: `${ended}/${batch.total_users} mailboxes` })
    if (batch.remaining_users === 0) {
      bar.say(`\nBatch ${batch.status}: ${describeMessages(batch.progress)}`)
      return 'ended'
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
  sqlite3 ${dataDir}/outlookmail.db "select path, count(*) from emails join folders on folders.id = parent_folder_id group by path"

  # the documentation of the API: ${url}/docs

Ctrl-C ends the demo.`
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
