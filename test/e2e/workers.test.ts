import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { truth } from '../support/copies.ts'
import { TempPostgres } from '../support/postgres.ts'
import { runCommand, Service, settings, startCommand, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const MAILBOX = 'user@example.com'

/** An API that copies nothing, on Postgres, and as many workers as the test asks for. */
class Workers implements AsyncDisposable {
  readonly simulator: Simulator
  readonly database: TempPostgres
  readonly api: Service
  readonly #folder: TempFolder
  readonly #children: ChildProcess[] = []

  private constructor(simulator: Simulator, database: TempPostgres, folder: TempFolder, api: Service) {
    this.simulator = simulator
    this.database = database
    this.#folder = folder
    this.api = api
  }

  static async open(): Promise<Workers> {
    const simulator = await startSimulator()
    const folder = new TempFolder()
    const database = await TempPostgres.create()
    const env = { ...settings(simulator, folder), DATABASE_URL: database.url }
    const api = await Service.of(startCommand(['serve', '--no-worker'], env))
    await database.query(LOG_OF_MOVES)
    return new Workers(simulator, database, folder, api)
  }

  async start(): Promise<ChildProcess> {
    const env = { ...settings(this.simulator, this.#folder), DATABASE_URL: this.database.url }
    const child = startCommand(['worker'], env)
    this.#children.push(child)
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error('The worker did not start')))
      child.stderr?.setEncoding('utf8').on('data', (text: string) => text.includes('is ready') && resolve())
    })
    return child
  }

  /** Slows every page down, so that there is time to do something to whoever copies it. */
  slow(): void {
    this.simulator.faults.add({ match: { path: '/messages' }, effect: { delay_ms: 400 } })
  }

  async epochOf(): Promise<number> {
    const [row] = await this.database.query<{ epoch: number }>('select epoch::int as epoch from extractions')
    return row?.epoch ?? 0
  }

  async stored(): Promise<{ ids: string[]; rows: number }> {
    const rows = await this.database.query<{ id: string }>('select id from emails where removed_at is null')
    return { ids: [...new Set(rows.map(({ id }) => id))].sort(), rows: rows.length }
  }

  /** Stored equals the truth, none twice, and whoever wrote did so under the epoch of the row. */
  async assertPerfect(): Promise<void> {
    const { ids, rows } = await this.stored()
    assert.equal(rows, ids.length)
    assert.deepEqual(ids, [...truth(this.simulator, MAILBOX).keys()].sort())
    const back = await this.database.query(
      'select * from moves where new_epoch < old_epoch or new_epoch > old_epoch + 1',
    )
    assert.deepEqual(back, [])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    }
    await this.api[Symbol.asyncDispose]()
    await this.simulator[Symbol.asyncDispose]()
    await this.database[Symbol.asyncDispose]()
    this.#folder[Symbol.dispose]()
  }
}

/** Every change of a status or an epoch, as the database saw it. */
const LOG_OF_MOVES = `
  create table moves (id text, old_status text, new_status text, old_epoch bigint, new_epoch bigint);
  create function log_move() returns trigger language plpgsql as $$
  begin
    insert into moves values (new.id, old.status, new.status, old.epoch, new.epoch);
    return null;
  end $$;
  create trigger log_moves after update of status, epoch on extractions for each row
    when (old.status <> new.status or old.epoch <> new.epoch) execute function log_move()`

test('a worker that is killed is replaced by another, which goes on and copies nothing twice', async () => {
  await using workers = await Workers.open()
  workers.slow()
  const first = await workers.start()
  await workers.api.client.start(MAILBOX, { user_upn: MAILBOX })
  await until('a page', async () => (await workers.stored()).rows > 0 || undefined)
  await workers.start()
  first.kill('SIGKILL')
  workers.simulator.faults.clear()
  await untilStatus(workers.api.client, MAILBOX, 'completed')
  assert.equal(await workers.epochOf(), 3, 'the loss and the new claim raised it')
  await workers.assertPerfect()
})

test('a worker that is stopped gives its work back, and another takes it at once', async () => {
  await using workers = await Workers.open()
  workers.slow()
  const first = await workers.start()
  await workers.api.client.start(MAILBOX, { user_upn: MAILBOX })
  await until('a page', async () => (await workers.stored()).rows > 0 || undefined)
  await workers.start()
  const exit = once(first, 'exit')
  first.kill('SIGTERM')
  assert.deepEqual(await exit, [0, null])
  workers.simulator.faults.clear()
  await untilStatus(workers.api.client, MAILBOX, 'completed')
  assert.equal(await workers.epochOf(), 2, 'given back, not lost')
  await workers.assertPerfect()
})

test('a worker that stood still finds itself replaced, and writes nothing', async () => {
  await using workers = await Workers.open()
  workers.slow()
  const frozen = await workers.start()
  await workers.api.client.start(MAILBOX, { user_upn: MAILBOX })
  await until('a page', async () => (await workers.stored()).rows > 0 || undefined)
  frozen.kill('SIGSTOP')
  await workers.start()
  await until('another to take over', async () => (await workers.epochOf()) === 3 || undefined)
  frozen.kill('SIGCONT')
  workers.simulator.faults.clear()
  await untilStatus(workers.api.client, MAILBOX, 'completed')
  await workers.assertPerfect()
})

test('a pause and a continue reach a worker in another process', async () => {
  await using workers = await Workers.open()
  workers.slow()
  await workers.start()
  await workers.api.client.start(MAILBOX, { user_upn: MAILBOX })
  await untilStatus(workers.api.client, MAILBOX, 'in_progress')
  await workers.api.client.pause(MAILBOX)
  await untilStatus(workers.api.client, MAILBOX, 'paused')
  workers.simulator.faults.clear()
  await workers.api.client.continue(MAILBOX)
  await untilStatus(workers.api.client, MAILBOX, 'completed')
  await workers.assertPerfect()
})

test('on SQLite there is no worker beside the one that owns the file', async () => {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  const { status, stderr } = await runCommand(['worker'], settings(simulator, folder))
  assert.equal(status, 2)
  assert.match(stderr, /which one process owns: use `serve`/)
})
