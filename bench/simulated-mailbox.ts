import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ControlClient } from '../simulator/control-client.ts'
import { type DeltaState, readChecksummed } from '../simulator/delta-token.ts'
import type { Stats } from '../simulator/statistics.ts'
import { MESSAGE_FIELDS } from '../src/graph/wire.ts'
import type { LoginTask } from './log-in.ts'
import { Program } from './processes.ts'

const SIMULATOR = fileURLToPath(new URL('../simulator/main.ts', import.meta.url))
const USER_UPN = 'bench@example.com'
const BODY_BYTES = 6_000
const FIRST_PAGE = `/v1.0/users/${USER_UPN}/mailFolders/inbox/messages/delta?$select=${MESSAGE_FIELDS}`

/** What the simulator prints when it is ready. */
interface SimulatorFacts {
  url: string
  ca_file: string
  tenant_id: string
  client_id: string
  client_secret: string
}

/** What the simulator was asked while something ran, and what that cost it. */
export interface Asked {
  requests: number
  cpuSeconds: number
  /** How many messages each page of the Inbox held, in order. */
  pageSizes: number[]
}

/** A mailbox with everything in its Inbox, served by a simulator in another process from pages made beforehand. */
export class SimulatedMailbox implements AsyncDisposable {
  readonly userUpn = USER_UPN
  readonly messages: number
  readonly facts: SimulatorFacts
  /** The address of the Inbox's first page. */
  readonly firstPage: string
  readonly #control: ControlClient
  readonly #opened: AsyncDisposableStack

  private constructor(messages: number, facts: SimulatorFacts, control: ControlClient, opened: AsyncDisposableStack) {
    this.messages = messages
    this.facts = facts
    this.firstPage = facts.url + FIRST_PAGE
    this.#control = control
    this.#opened = opened
  }

  /** `attachments` is what the simulator's --mailbox has after the number of messages. */
  static async open(
    messages: number,
    { folder, signal, attachments = '' }: { folder: string; signal: AbortSignal; attachments?: string },
  ): Promise<SimulatedMailbox> {
    await using opened = new AsyncDisposableStack()
    const mailbox = ['--mailbox', `${USER_UPN}=${messages}${attachments}`, '--body-bytes', String(BODY_BYTES)]
    // Limits and latency are Microsoft's; here our own work is measured.
    const world = ['--prepared', '--no-limits', ...mailbox, '--ca-file', join(folder, 'ca.pem')]
    const program = opened.use(
      new Program([SIMULATOR, '--port', '0', '--json', ...world], { cwd: folder, env: process.env, signal }),
    )
    const facts = await program.line((line) =>
      line.startsWith('{') ? (JSON.parse(line) as SimulatorFacts) : undefined,
    )

    const control = opened.use(new ControlClient(facts.url, await readFile(facts.ca_file, 'utf8')))
    // In the very form that is asked for later: pages of another form would be made while the clock runs.
    const made = await control.prepare(FIRST_PAGE, { prefer: 'IdType="ImmutableId"' })
    if (made !== messages) throw new Error(`The simulator prepared ${made} messages instead of ${messages}`)
    return new SimulatedMailbox(messages, facts, control, opened.move())
  }

  /** What a program of its own needs for a token. */
  get login(): LoginTask {
    const { url, tenant_id, client_id, client_secret } = this.facts
    return { url: `${url}/${tenant_id}/oauth2/v2.0/token`, clientId: client_id, clientSecret: client_secret }
  }

  /** Runs `work`, and tells what it asked of the simulator. */
  async observe<Result>(work: () => Promise<Result>): Promise<{ result: Result; asked: Asked }> {
    await this.#control.resetStats()
    const before = await this.#control.stats()
    const result = await work()
    const after = await this.#control.stats({ links: true })
    const asked = {
      requests: after.requests,
      cpuSeconds: after.cpu_seconds - before.cpu_seconds,
      pageSizes: pageSizes(after, this.messages),
    }
    return { result, asked }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync()
  }
}

/** A link tells how many messages came before its page; only the Inbox has more than one page. */
function pageSizes({ pages: { links = {} } }: Stats, messages: number): number[] {
  const starts = [0]
  for (const link of Object.keys(links)) {
    const token = new URLSearchParams(link.split('?')[1]).get('$skiptoken')
    if (token) starts.push(readChecksummed<DeltaState>(token).told)
  }
  starts.sort((one, other) => one - other)
  return starts.map((start, index) => (starts[index + 1] ?? messages) - start)
}
