import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectContents } from './contents.ts'
import { assertCountsAddUp, assertPerfectCopy, stored } from './copies.ts'
import { PostgresPlace } from './place.ts'
import { PostgresServer } from './postgres.ts'
import { type CommandResult, runCommand, Service, settings, startCommand } from './service.ts'
import {
  assertEpochsRiseByOne,
  assertMailIsWrittenUnderAClaim,
  assertMovesAreAllowed,
  assertOneRunAMailbox,
  assertOneWriterAnEpoch,
  beginWriteLog,
  holderOf,
  lossesOf,
  readWriteLog,
  startsOf,
  type WriteLog,
} from './write-log.ts'

/** Pages asked for and not yet stored, at most: what is fetched again when a run ends before its time. */
const PAGES_AT_RISK = 4
/** What Graph allows one app on one mailbox, and what each process therefore keeps. */
const IN_FLIGHT = 4

export interface WorkersOptions {
  /** Shared by many worlds; one of its own otherwise. */
  server?: PostgresServer
  simulator?: SimulatorOptions
  /** Settings of the workers. */
  env?: NodeJS.ProcessEnv
}

/** One `outlookmail worker`. */
export class WorkerProcess implements AsyncDisposable {
  /** The name under which it writes. */
  readonly name: string
  readonly #child: ChildProcess

  constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#child = child
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Asks it to stop: it gives back what it has, and ends well. */
  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    assert.deepEqual(await exit, [0, null], `${this.name} ended`)
  }

  /** No goodbye at all. */
  async kill(): Promise<void> {
    if (!this.isAlive) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  /** It stands still, as in a machine that sleeps. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}

/** An API that copies nothing, on Postgres, and as many workers as the test asks for. */
export class Workers implements AsyncDisposable {
  readonly simulator: Simulator
  readonly server: PostgresServer
  readonly place: PostgresPlace
  readonly api: Service
  readonly #env: NodeJS.ProcessEnv
  readonly #opened: AsyncDisposableStack
  readonly #workers: WorkerProcess[] = []
  readonly #killed = new Set<string>()

  private constructor(world: {
    simulator: Simulator
    server: PostgresServer
    place: PostgresPlace
    api: Service
    env: NodeJS.ProcessEnv
    opened: AsyncDisposableStack
  }) {
    this.simulator = world.simulator
    this.server = world.server
    this.place = world.place
    this.api = world.api
    this.#env = world.env
    this.#opened = world.opened
  }

  static async open(options: WorkersOptions = {}): Promise<Workers> {
    await using opened = new AsyncDisposableStack()
    const server = options.server ?? opened.use(await PostgresServer.start())
    const place = opened.use(await PostgresPlace.create(server))
    const simulator = opened.use(await startSimulator(options.simulator))
    const env = { ...settings(simulator, place), ...options.env }
    const api = opened.use(await Service.of(startCommand(['serve', '--no-worker'], named(env, 'api'))))
    await beginWriteLog(place)
    return new Workers({ simulator, server, place, api, env, opened: opened.move() })
  }

  get alive(): WorkerProcess[] {
    return this.#workers.filter(({ isAlive }) => isAlive)
  }

  /** So many that are alive, of which some may be new. */
  async atLeast(count: number): Promise<WorkerProcess[]> {
    const missing = Math.max(0, count - this.alive.length)
    await Promise.all(Array.from({ length: missing }, () => this.start()))
    return this.alive
  }

  /** Starts one more worker. */
  async start(): Promise<WorkerProcess> {
    const name = `worker ${this.#workers.length + 1}`
    const child = startCommand(['worker'], named(this.#env, name))
    const worker = new WorkerProcess(name, child)
    this.#workers.push(worker)
    let output = ''
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`The worker did not start: ${output}`)))
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (text.includes('is ready')) resolve()
      })
    })
    return worker
  }

  async kill(worker: WorkerProcess): Promise<void> {
    this.#killed.add(worker.name)
    await worker.kill()
  }

  /** How many extractions it has, as far as their rows know. */
  async holds(worker: WorkerProcess): Promise<number> {
    const [row] = await this.place.query<{ count: number }>(
      `select count(*)::int as count from extractions
       where status in ('in_progress', 'pausing', 'cancelling') and $1 = (
         select writer from write_log
         where extraction_id = extractions.id and new_epoch > old_epoch order by seq desc limit 1)`,
      [worker.name],
    )
    return row?.count ?? 0
  }

  /** Runs a command of ours, which is an API and a worker for as long as it takes. */
  run(args: readonly string[]): Promise<CommandResult> {
    return runCommand(args, named(this.#env, 'command'))
  }

  /** Makes pages small and slow, so that there is time to do something to whoever copies them. */
  slow({ delayMs = 400, pageSize = 10 } = {}): void {
    this.simulator.faults.add({
      match: { path: '/messages' },
      effect: { delay_ms: delayMs, ignore_page_size: pageSize },
    })
  }

  /** As when an administrator, or a failover, ends every session; of one process, where it is named. */
  async cutConnections({ of }: { of?: WorkerProcess } = {}): Promise<void> {
    await this.place.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and ($1::text is null or application_name = $1)`,
      [of?.name ?? null],
    )
  }

  async restartDatabase(): Promise<void> {
    await this.server.stop()
    await this.server.restart()
  }

  async countStored(mailbox: string): Promise<number> {
    return (await stored(this.place, mailbox)).live.size
  }

  async epochOf(mailbox: string): Promise<number> {
    const [row] = await this.place.query<{ epoch: number }>(
      'select epoch::int as epoch from extractions where address_key = lower($1) order by seq desc limit 1',
      [mailbox],
    )
    return row?.epoch ?? 0
  }

  /** The worker that copies the mailbox. */
  async holderOf(mailbox: string): Promise<WorkerProcess> {
    const name = holderOf(await this.log(), mailbox)
    const holder = this.#workers.find((worker) => worker.name === name)
    assert.ok(holder, `${mailbox} is copied by a worker`)
    return holder
  }

  log(): Promise<WriteLog> {
    return readWriteLog(this.place)
  }

  /** All that has to be true when everything has come to rest. */
  async assertNothingLost(mailboxes: readonly string[]): Promise<void> {
    for (const mailbox of mailboxes) await this.assertPerfectCopy(mailbox)
    await assertCountsAddUp(this.place)
    const log = await this.log()
    assertMovesAreAllowed(log)
    assertEpochsRiseByOne(log)
    assertOneWriterAnEpoch(log)
    assertOneRunAMailbox(log)
    assertMailIsWrittenUnderAClaim(log)
    this.assertLittleFetchedAgain(log)
    this.assertLimitsKept(log)
  }

  /** Messages and attachments equal the truth, none missing, none twice. */
  async assertPerfectCopy(mailbox: string): Promise<void> {
    await assertPerfectCopy(this.simulator, this.place, mailbox)
    await assertPerfectContents(this.simulator, this.place, mailbox)
  }

  /** A run that ended before its time, for whatever reason, costs four pages. */
  assertLittleFetchedAgain(log: WriteLog): void {
    const { pages, mailboxes } = this.simulator.stats({ links: true })
    const again = new Map<string, number>()
    for (const [link, times] of Object.entries(pages.links ?? {})) {
      const id = /^\/v1\.0\/users(?:\/|\(')([\da-f-]+)/.exec(link)?.[1] // Graph's own links have users('ID')
      const user = mailboxes[id ?? '']?.user_upn.toLowerCase()
      assert.ok(user, `${link} is a page of somebody's`)
      again.set(user, (again.get(user) ?? 0) + times - 1)
    }
    const starts = Map.groupBy(startsOf(log), ({ address }) => address)
    for (const [user, pagesAgain] of again) {
      const most = PAGES_AT_RISK * ((starts.get(user)?.length ?? 0) - 1)
      assert.ok(pagesAgain <= most, `${pagesAgain} pages of ${user} fetched again, ${most} at most`)
    }
  }

  /**
   * Each process keeps Graph's limits. Together they keep them too, except where a claim was lost by a process that still
   * lives: one that stood still goes on asking, until it finds itself replaced, beside the one which replaced it.
   */
  assertLimitsKept(log: WriteLog): void {
    const replaced = lossesOf(log).filter(({ writer }) => !this.#killed.has(writer))
    for (const { user_upn, max_in_flight, violations } of Object.values(this.simulator.stats().mailboxes)) {
      const others = replaced.filter(({ address }) => address === user_upn.toLowerCase()).length
      const most = IN_FLIGHT * (1 + others)
      assert.ok(max_in_flight <= most, `${max_in_flight} requests at once on ${user_upn}, ${most} at most`)
      if (others === 0) assert.equal(violations, 0, `Graph was asked more of ${user_upn} than it allows`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) await worker.kill()
    await this.#opened.disposeAsync()
  }
}

/** The settings of a process that names its connections, for the log. */
function named(env: NodeJS.ProcessEnv, name: string): NodeJS.ProcessEnv {
  const url = new URL(env.DATABASE_URL ?? '')
  url.searchParams.set('application_name', name)
  return { ...env, DATABASE_URL: url.href }
}
