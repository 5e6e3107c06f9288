import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ApiClient } from '../src/http/client.ts'
import { Program } from './processes.ts'
import { argumentsOf } from './service.ts'
import type { SimulatorProgram } from './simulator-program.ts'
import type { Surroundings } from './surroundings.ts'

/** The service that `npm start` starts, on SQLite, for what takes more than one copy of one mailbox. */
export class RunningService implements AsyncDisposable {
  readonly url: string
  readonly client: ApiClient
  readonly pid: number
  readonly #program: Program

  private constructor(url: string, program: Program) {
    this.url = url
    this.client = new ApiClient(url)
    this.pid = program.pid
    this.#program = program
  }

  static async start(
    simulator: SimulatorProgram,
    dataDir: string,
    { folder, signal, nodeOptions = [] }: Pick<Surroundings, 'folder' | 'signal'> & { nodeOptions?: readonly string[] },
  ): Promise<RunningService> {
    await using opened = new AsyncDisposableStack()
    const cacheDir = join(folder, 'compile-cache')
    await mkdir(cacheDir, { recursive: true })
    const env = {
      ...simulator.settings,
      DATA_DIR: dataDir,
      NODE_COMPILE_CACHE: cacheDir,
      LOG_LEVEL: 'warn', // what is printed is kept, and there may be thousands of mailboxes
    }
    const args = [...nodeOptions, ...(await argumentsOf('start'))]
    const program = opened.use(new Program(args, { cwd: dataDir, env, signal }))
    const url = await program.line((line) => /^outlookmail listens on (\S+)/.exec(line)?.[1])
    opened.move()
    return new RunningService(url, program)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]()
  }
}
