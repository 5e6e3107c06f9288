import { randomBytes } from 'node:crypto'
import { systemClock } from '../../src/clock.ts'
import { ExtractionCommands } from '../../src/extractions/extraction-commands.ts'
import type { JobEngine } from '../../src/extractions/job-engine.ts'
import { InProcessEngine } from '../../src/jobs/in-process-engine.ts'
import type { EngineWorld, Worker } from '../../src/jobs/job-engine.contract.ts'
import { PgBossEngine } from '../../src/jobs/pg-boss-engine.ts'
import { PgBossTickets } from '../../src/jobs/pg-boss-tickets.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { SecretBox } from '../../src/storage/secret-box.ts'
import { openStores } from '../../src/storage/stores.ts'
import { TempPostgres } from './postgres.ts'

const QUIET = { error: () => {}, warn: () => {} }
const SERVICES = { listMembers: async () => false, clock: systemClock, log: QUIET }

/** What commands tell of rows that have changed, before there is an engine too. */
class Wakes {
  engine: JobEngine | undefined
  start = async () => {}
  stop = async () => {}
  wake = () => this.engine?.wake()
}

export async function openSqliteWorld(): Promise<EngineWorld> {
  const database = await openDatabase({ kind: 'sqlite', path: ':memory:' })
  const { claims, extractions } = openStores(database, new SecretBox(randomBytes(32)), systemClock)
  const wakes = new Wakes()
  return {
    claims,
    commands: new ExtractionCommands(extractions, wakes),
    async open(worker: Worker, concurrency: number) {
      wakes.engine = new InProcessEngine({ ...SERVICES, claims, run: worker.run }, concurrency)
      return wakes.engine
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

export async function openPostgresWorld(): Promise<EngineWorld> {
  await using opened = new AsyncDisposableStack()
  const temporary = opened.use(await TempPostgres.create())
  const database = opened.use(await openDatabase({ kind: 'postgres', url: temporary.url }))
  const tickets = opened.use(await PgBossTickets.open(temporary.url, { work: true }, QUIET))
  const { claims, extractions, queue } = openStores(database, new SecretBox(randomBytes(32)), systemClock, tickets)
  const wakes = new Wakes()
  const held = opened.move()
  return {
    claims,
    commands: new ExtractionCommands(extractions, wakes),
    async open(worker: Worker, concurrency: number) {
      wakes.engine = new PgBossEngine({ ...SERVICES, claims, queue, tickets, run: worker.run }, concurrency)
      return wakes.engine
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
