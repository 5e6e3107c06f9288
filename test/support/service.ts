import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Simulator } from '../../simulator/simulator.ts'
import { ApiClient } from '../../src/http/client.ts'

export const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** A folder for one test, gone with it. */
export class TempFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'outlookmail-test-'))

  get database(): string {
    return join(this.path, 'outlookmail.db')
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** The settings with which a program of ours reads the simulator's mail into `folder`. */
export function settings(simulator: Simulator, folder: TempFolder): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    OUTLOOK_GRAPH_URL: simulator.url,
    OUTLOOK_LOGIN_URL: simulator.url,
    NODE_EXTRA_CA_CERTS: simulator.caFile,
    TENANT_ID: simulator.tenantId,
    OUTLOOK_CLIENT_ID: simulator.clientId,
    OUTLOOK_CLIENT_SECRET: simulator.clientSecret,
    DATA_DIR: folder.path,
    DATABASE_URL: `sqlite:${folder.database}`,
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

  static async start(simulator: Simulator, folder: TempFolder, env: NodeJS.ProcessEnv = {}): Promise<Service> {
    return Service.of(startCommand(['serve'], { ...settings(simulator, folder), ...env }))
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
