import { mkdir, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiClient } from '../src/http/client.ts'
import { type PostgresServer, TempPostgres } from '../test/support/postgres.ts'
import { Program, type ProgramOptions } from './processes.ts'
import { argumentsOf } from './service.ts'
import type { SimulatorProgram } from './simulator-program.ts'
import type { Surroundings } from './surroundings.ts'

/** Seldom enough to cost the database nothing; its rows have the exact times. */
const POLL_MS = 500

/** An API that copies nothing, and workers beside it, on a Postgres database of their own. */
export class WorkerFleet implements AsyncDisposable {
  readonly client: ApiClient
  readonly api: Program
  readonly database: TempPostgres
  readonly #program: readonly string[]
  readonly #place: ProgramOptions
  readonly #opened: AsyncDisposableStack

  private constructor(
    client: ApiClient,
    api: Program,
    database: TempPostgres,
    program: readonly string[],
    place: ProgramOptions,
    opened: AsyncDisposableStack,
  ) {
    this.client = client
    this.api = api
    this.database = database
    this.#program = program
    this.#place = place
    this.#opened = opened
  }

  static async open(
    server: PostgresServer,
    simulator: SimulatorProgram,
    { folder, signal }: Pick<Surroundings, 'folder' | 'signal'>,
  ): Promise<WorkerFleet> {
    await using opened = new AsyncDisposableStack()
    const database = opened.use(await TempPostgres.create(server))
    const dataDir = await mkdtemp(join(folder, 'fleet-'))
    const cacheDir = join(folder, 'compile-cache')
    await mkdir(cacheDir, { recursive: true })
    const env = {
      ...simulator.settings,
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      NODE_COMPILE_CACHE: cacheDir,
      LOG_LEVEL: 'warn', // what is printed is kept, and there are thousands of extractions
    }
    const program = await argumentsOf('outlookmail')
    const place = { cwd: dataDir, env, signal }
    const api = opened.use(new Program([...program, 'serve', '--no-worker'], place))
    const url = await api.line((line) => /^outlookmail listens on (\S+)/.exec(line)?.[1])
    return new WorkerFleet(new ApiClient(url), api, database, program, place, opened.move())
  }

  async startWorker(): Promise<Program> {
    const worker = this.#opened.use(new Program([...this.#program, 'worker'], this.#place))
    await worker.line((line) => line === 'outlookmail worker is ready' || undefined)
    return worker
  }

  /** Seconds from the first start to the last end of a batch of these mailboxes, without their attachments. */
  async copyBatch(userUpns: readonly string[]): Promise<number> {
    const { batch_id } = await this.client.startBatch({ user_upns: [...userUpns], options: { attachments: 'none' } })
    for (;;) {
      const { status, processed_users, remaining_users, started_at, completed_at } =
        await this.client.batchStatus(batch_id)
      if (processed_users === userUpns.length) {
        return (Date.parse(completed_at ?? '') - Date.parse(started_at ?? '')) / 1000
      }
      if (remaining_users === 0) throw new Error(`The batch is ${status} with ${processed_users} users copied`)
      await delay(POLL_MS, undefined, { signal: this.#place.signal })
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync()
  }
}
