import { MESSAGE_FIELDS } from '../src/graph/wire.ts'
import type { LoginTask } from './log-in.ts'
import { SimulatorProgram } from './simulator-program.ts'

const USER_UPN = 'bench@example.com'
const BODY_BYTES = 6_000
const FIRST_PAGE = `/v1.0/users/${USER_UPN}/mailFolders/inbox/messages/delta?$select=${MESSAGE_FIELDS}`

/** What the simulator was asked while something ran, and what that cost it. */
export interface Asked {
  requests: number
  cpuSeconds: number
  /** Of all answers together, as far as it was told to be slow. */
  latencySeconds: number
  maxInFlight: number
  /** Requests above a limit of Graph's. */
  violations: number
}

interface Surroundings {
  folder: string
  signal: AbortSignal
  /** What the simulator's --mailbox has after the number of messages. */
  attachments?: string
  /** Over how many folders the messages are spread; their pages are made when they are first asked for. */
  folders?: number
  bodyBytes?: number
  /** False where a mailbox is too large to be held: then its pages are made while they are asked for. */
  isPrepared?: boolean
  /** The simulator's arguments for Microsoft's limits and latency; without them neither is there, and our own work is measured. */
  rules?: readonly string[]
}

/** A mailbox, with everything in its Inbox unless said otherwise, served by a simulator in another process. */
export class SimulatedMailbox implements AsyncDisposable {
  readonly userUpn: string = USER_UPN
  readonly messages: number
  readonly simulator: SimulatorProgram
  /** The address of the Inbox's first page. */
  readonly firstPage: string

  private constructor(messages: number, simulator: SimulatorProgram) {
    this.messages = messages
    this.simulator = simulator
    this.firstPage = simulator.facts.url + FIRST_PAGE
  }

  static async open(
    messages: number,
    {
      folder,
      signal,
      attachments = '',
      folders,
      bodyBytes = BODY_BYTES,
      isPrepared = true,
      rules = ['--no-limits'],
    }: Surroundings,
  ): Promise<SimulatedMailbox> {
    await using opened = new AsyncDisposableStack()
    const layout = folders === undefined ? '' : `,folders=${folders}`
    const mailbox = ['--mailbox', `${USER_UPN}=${messages}${layout}${attachments}`, '--body-bytes', String(bodyBytes)]
    const world = [...(isPrepared ? ['--prepared'] : []), ...rules, ...mailbox]
    const simulator = opened.use(await SimulatorProgram.start(world, { folder, signal }))
    if (isPrepared) {
      // In the very form that is asked for later: pages of another form would be made while the clock runs.
      const made = await simulator.control.prepare(FIRST_PAGE, { prefer: 'IdType="ImmutableId"' })
      if (made !== messages && folders === undefined)
        throw new Error(`The simulator prepared ${made} messages instead of ${messages}`)
    }
    opened.move()
    return new SimulatedMailbox(messages, simulator)
  }

  /** What a program of its own needs for a token. */
  get login(): LoginTask {
    const { url, tenant_id, client_id, client_secret } = this.simulator.facts
    return { url: `${url}/${tenant_id}/oauth2/v2.0/token`, clientId: client_id, clientSecret: client_secret }
  }

  /** Runs `work`, and tells what it asked of the simulator. */
  async observe<Result>(work: () => Promise<Result>): Promise<{ result: Result; asked: Asked }> {
    const { control } = this.simulator
    await control.resetStats()
    const before = await control.stats()
    const result = await work()
    const after = await control.stats()
    const asked = {
      requests: after.requests,
      cpuSeconds: after.cpu_seconds - before.cpu_seconds,
      latencySeconds: after.latency_ms / 1000,
      maxInFlight: after.max_in_flight,
      violations: after.violations,
    }
    return { result, asked }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.simulator[Symbol.asyncDispose]()
  }
}
