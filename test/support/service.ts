import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import SqliteHandle from 'better-sqlite3'
import type { Simulator } from '../../simulator/simulator.ts'
import { ApiClient } from '../../src/http/client.ts'

export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** Where the service of a test keeps all it has, and how the test reads it as any other program would. */
export interface Place {
  /** Of the folder for the key and the blobs. */
  readonly path: string
  readonly databaseUrl: string
  /** Rows past the code that is tested; parameters are `$1`, `$2` … on every database. */
  query<Row>(text: string, parameters?: readonly unknown[]): Promise<Row[]>
  /** What the database can keep of a text. */
  kept(text: string): string
}

/** A folder for one test, gone with it; a service has its SQLite database there too. */
export class TempFolder implements Place, Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'outlookmail-test-'))

  get database(): string {
    return join(this.path, 'outlookmail.db')
  }

  get databaseUrl(): string {
    return `sqlite:${this.database}`
  }

  async query<Row>(text: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const database = new SqliteHandle(this.database, { readonly: true })
    try {
      const byNumber = Object.fromEntries(parameters.map((value, index) => [index + 1, value]))
      return database.prepare(text).all(...(parameters.length > 0 ? [byNumber] : [])) as Row[]
    } finally {
      database.close()
    }
  }

  kept(text: string): string {
    return text.toWellFormed() // half a surrogate pair has no UTF-8; U+FFFD stands for it
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** The settings with which a program of ours reads the simulator's mail into `place`. */
export function settings(simulator: Simulator, place: Place): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    OUTLOOK_GRAPH_URL: simulator.url,
    OUTLOOK_LOGIN_URL: simulator.url,
    NODE_EXTRA_CA_CERTS: simulator.caFile,
    TENANT_ID: simulator.tenantId,
    OUTLOOK_CLIENT_ID: simulator.clientId,
    OUTLOOK_CLIENT_SECRET: simulator.clientSecret,
    DATA_DIR: place.path,
    DATABASE_URL: place.databaseUrl,
    PORT: '0',
    LOG_LEVEL: 'error',
  }
}

/** Any command of ours in a process of its own. */
export function startCommand(args: readonly string[], env: NodeJS.ProcessEnv, cwd = tmpdir()): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'], cwd })
}

export interface CommandResult {
  status: number | null
  stdout: string
  stderr: string
}

export async function runCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult> {
  return ended(startCommand(args, env))
}

/** What a command wrote and ended with. */
export async function ended(child: ChildProcess): Promise<CommandResult> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, stdout, stderr }
}

/** `outlookmail serve` in a process of its own, so that it can be killed. */
export class Service implements AsyncDisposable {
  readonly client: ApiClient
  readonly url: string
  readonly #child: ChildProcess
  readonly #output: string[]

  private constructor(child: ChildProcess, output: string[], url: string) {
    this.#child = child
    this.#output = output
    this.url = url
    this.client = new ApiClient(url)
  }

  static async start(simulator: Simulator, place: Place, env: NodeJS.ProcessEnv = {}): Promise<Service> {
    return Service.of(startCommand(['serve'], { ...settings(simulator, place), ...env }))
  }

  /** A service that was started some other way. */
  static async of(child: ChildProcess): Promise<Service> {
    const output: string[] = []
    child.stdout?.setEncoding('utf8').on('data', (text: string) => output.push(text))
    const url = await new Promise<string>((resolve, reject) => {
      child.once('close', () => reject(new Error(`The service did not start: ${output.join('')}`)))
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        output.push(text)
        const found = text.includes('\n') && /^outlookmail listens on (\S+)/m.exec(output.slice(-2).join(''))?.[1]
        if (found) resolve(found)
      })
    })
    return new Service(child, output, url)
  }

  /** All that it has written so far. */
  get output(): string {
    return this.#output.join('')
  }

  /** `SIGKILL`: no goodbye at all. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode
    const exit = once(this.#child, 'exit')
    this.#child.kill(signal)
    const [status] = (await exit) as [number | null]
    return status
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
  }
}
