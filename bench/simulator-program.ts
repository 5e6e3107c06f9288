import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ControlClient } from '../simulator/control-client.ts'
import { Program } from './processes.ts'

const SIMULATOR = fileURLToPath(new URL('../simulator/main.js', import.meta.url))

/** What the simulator prints when it is ready. */
interface SimulatorFacts {
  url: string
  ca_file: string
  tenant_id: string
  client_id: string
  client_secret: string
}

/** The simulator in a process of its own. */
export class SimulatorProgram implements AsyncDisposable {
  readonly facts: SimulatorFacts
  readonly control: ControlClient
  readonly #opened: AsyncDisposableStack

  private constructor(facts: SimulatorFacts, control: ControlClient, opened: AsyncDisposableStack) {
    this.facts = facts
    this.control = control
    this.#opened = opened
  }

  /** `world` is what the simulator shows: its own arguments. */
  static async start(
    world: readonly string[],
    { folder, signal }: { folder: string; signal: AbortSignal },
  ): Promise<SimulatorProgram> {
    await using opened = new AsyncDisposableStack()
    const args = [SIMULATOR, '--port', '0', '--json', '--ca-file', join(folder, 'ca.pem'), ...world]
    const program = opened.use(new Program(args, { cwd: folder, env: process.env, signal }))
    const facts = await program.line((line) =>
      line.startsWith('{') ? (JSON.parse(line) as SimulatorFacts) : undefined,
    )
    const control = opened.use(new ControlClient(facts.url, await readFile(facts.ca_file, 'utf8')))
    return new SimulatorProgram(facts, control, opened.move())
  }

  /** What a program of ours needs to read this Graph. */
  get settings(): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      OUTLOOK_GRAPH_URL: this.facts.url,
      OUTLOOK_LOGIN_URL: this.facts.url,
      NODE_EXTRA_CA_CERTS: this.facts.ca_file,
      TENANT_ID: this.facts.tenant_id,
      OUTLOOK_CLIENT_ID: this.facts.client_id,
      OUTLOOK_CLIENT_SECRET: this.facts.client_secret,
      PORT: '0',
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync()
  }
}
