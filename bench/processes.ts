import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'

export interface ProgramOptions {
  /** Where the program may leave files, and where no developer's `.env` lies. */
  cwd: string
  env: NodeJS.ProcessEnv
  /** Ends the program. */
  signal: AbortSignal
}

/** A program that Node runs in a process of its own; disposing of it ends it and waits until it is gone. */
export class Program implements AsyncDisposable {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #gone: Promise<number | null>
  readonly #said: string[] = []
  readonly #listeners = new Set<(line: string) => void>()

  /** `args` are Node's: its options, then the program and what that is given. */
  constructor(args: readonly string[], { cwd, env, signal }: ProgramOptions) {
    this.#child = spawn(process.execPath, args, { cwd, env, signal, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.on('error', (error) => this.#said.push(error.message)) // its end follows, or it never began
    this.#gone = new Promise((resolve) => {
      this.#child.once('close', resolve)
    })
    this.pid = this.#child.pid ?? 0
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      if (output) createInterface({ input: output }).on('line', (line) => this.#hear(line))
    }
  }

  /** What `find` makes of the first line, of either output, from which it makes something. */
  async line<Found>(find: (line: string) => Found | undefined): Promise<Found> {
    for (const line of this.#said) {
      const found = find(line)
      if (found !== undefined) return found
    }
    const { promise, resolve } = Promise.withResolvers<Found>()
    const listener = (line: string) => {
      const found = find(line)
      if (found !== undefined) resolve(found)
    }
    this.#listeners.add(listener)
    try {
      return await Promise.race([promise, this.#endedTooEarly()])
    } finally {
      this.#listeners.delete(listener)
    }
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#said.join('\n')
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Without a word of warning, and it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#gone
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#gone
  }

  #hear(line: string): void {
    this.#said.push(line)
    for (const listener of this.#listeners) listener(line)
  }

  async #endedTooEarly(): Promise<never> {
    const status = await this.#gone
    const name = this.#child.spawnargs.find((arg) => arg.endsWith('.ts'))
    throw new Error(`${name} ended early (${status}):\n${this.output}`)
  }
}

export interface Usage {
  /** The most memory the process has ever held; undefined where the system does not tell. */
  peakBytes: number | undefined
  /** What it holds now. */
  residentBytes: number | undefined
  /** Of all its threads, so far. */
  cpuSeconds: number | undefined
}

// What /proc counts time in, on every Linux (proc_pid_stat(5), sysconf(_SC_CLK_TCK)).
const TICKS_PER_SECOND = 100

/** What a running process has used; Linux alone tells that of another process. */
export async function usageOf(pid: number): Promise<Usage> {
  try {
    const [status, stat] = await Promise.all([
      readFile(`/proc/${pid}/status`, 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ])
    // The name of the program, in parentheses, may hold blanks; user and system time are the 14th and 15th field.
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
    const bytesOf = (field: RegExp) => {
      const kilobytes = field.exec(status)?.[1]
      return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
    }
    return {
      peakBytes: bytesOf(/^VmHWM:\s+(\d+) kB$/m),
      residentBytes: bytesOf(/^VmRSS:\s+(\d+) kB$/m),
      cpuSeconds: (Number(user) + Number(system)) / TICKS_PER_SECOND,
    }
  } catch {
    return { peakBytes: undefined, residentBytes: undefined, cpuSeconds: undefined }
  }
}

/** Of all cores and all programs, since the machine was started. */
export function busySeconds(): number {
  const times = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq)
  return times.reduce((sum, time) => sum + time, 0) / 1000
}
