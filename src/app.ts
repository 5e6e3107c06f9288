import { type Logger, pino } from 'pino'
import { openBlobStore } from './blobs/open-blob-store.ts'
import { systemClock } from './clock.ts'
import type { Config, MigrationLocations } from './config.ts'
import type { BlobStore } from './copying/blob-store.ts'
import { ByteBudget } from './copying/byte-budget.ts'
import { eraseMailbox, resumeErasures } from './copying/erase-mailbox.ts'
import { type RunDependencies, runExtraction } from './copying/run-extraction.ts'
import { AppError } from './errors.ts'
import type { AppCredentials } from './extractions/extraction.ts'
import { ExtractionCommands } from './extractions/extraction-commands.ts'
import type { JobEngine } from './extractions/job-engine.ts'
import { listMembers } from './extractions/list-members.ts'
import { CLOUDS } from './graph/clouds.ts'
import { connectGraph, type Graph } from './graph/graph.ts'
import { buildServer } from './http/server.ts'
import { InProcessEngine, type InProcessEngineDependencies } from './jobs/in-process-engine.ts'
import type { PgBossEngineDependencies } from './jobs/pg-boss-engine.ts'
import type { PgBossTickets } from './jobs/pg-boss-tickets.ts'
import { loadSecretKey } from './secret-key.ts'
import { DatabaseLock, readOwner } from './storage/lock.ts'
import { openDatabase } from './storage/open-database.ts'
import { SecretBox } from './storage/secret-box.ts'
import { openStores, type Stores } from './storage/stores.ts'
import type { TableComparison } from './storage/transfer/compare-tables.ts'
import type { TransferOptions } from './storage/transfer/transfer-store.ts'
import { VERSION } from './version.ts'

export interface App {
  /** Where the API listens. */
  readonly url: string
  /** Brings running work to its checkpoints and lets go of everything. */
  close(): Promise<void>
}

/** Of pages on their way, over all mailboxes: a page of 200 messages weighs about 1 MB, and several times that once it is parsed. */
const MOST_BYTES_OF_PAGES = 48_000_000

/** What every process has, whether it answers, copies, or both. */
interface Service {
  stores: Stores
  blobs: BlobStore
  engine: JobEngine
  log: Logger
  /** Tells other programs where the API is; only where one process owns the database. */
  announce(url: string): void
}

/**
 * Builds and starts the whole service; on failure nothing is left open.
 * @param work whether it also copies; without, queued extractions wait for a process that does
 */
export async function startApp(config: Config, { work }: { work: boolean }): Promise<App> {
  await using opened = new AsyncDisposableStack() // let go in the opposite order, should the start fail
  const { stores, blobs, engine, log, announce } = await openService(config, opened, { work })
  const server = buildServer({
    commands: new ExtractionCommands(stores.extractions, engine),
    extractions: stores.extractions,
    emails: stores.emails,
    blobs,
    eraseMailbox: (userUpn) => eraseMailbox(userUpn, stores.erasures, blobs),
    reports: stores.reports,
    missingCredentials: (given) => missingCredentials(given, config),
    checkReady: () => stores.extractions.checkWritable(),
    version: VERSION,
    logger: log,
  })
  opened.defer(() => server.close())
  const url = await listen(server, config)
  announce(url)
  if (work) await engine.start()

  const running = opened.move()
  return { url, close: () => running.disposeAsync() }
}

/** Starts one more process that copies, and answers nobody. Only on Postgres: an SQLite file has one owner. */
export async function startWorker(config: Config): Promise<Pick<App, 'close'>> {
  if (config.database.kind === 'sqlite') {
    throw new AppError(
      'settings_invalid',
      'DATABASE_URL names an SQLite file, which one process owns: use `serve`, which copies too, or Postgres for many workers',
    )
  }
  await using opened = new AsyncDisposableStack()
  const { engine } = await openService(config, opened, { work: true })
  await engine.start()
  const running = opened.move()
  return { close: () => running.disposeAsync() }
}

/** Moves the whole store from an SQLite file to Postgres, whose services start only when that has ended. */
export async function migrateStore(
  { from, to, toName }: MigrationLocations,
  progress: Pick<TransferOptions, 'signal' | 'onProgress'>,
): Promise<TableComparison[]> {
  const { openTarget, transferStore } = await import('./storage/transfer/transfer-store.ts')
  await using opened = new AsyncDisposableStack()
  opened.use(acquireLock(from.path, 'stop it first'))
  const source = opened.use(await calling('--from', openDatabase(from)))
  const target = opened.use(await calling(toName, openTarget(to.url)))
  return await calling(toName, transferStore(source, target, { ...progress, clock: systemClock }))
}

/** Says of errors what they mean where the database is not named by DATABASE_URL. */
async function calling<Result>(name: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw new AppError(error.code, error.message.replaceAll('DATABASE_URL', name), { cause: error })
  }
}

async function openService(
  config: Config,
  opened: AsyncDisposableStack,
  { work }: { work: boolean },
): Promise<Service> {
  const log = pino({ level: config.logLevel }, pino.destination(2))
  const clock = systemClock
  const lock = config.database.kind === 'sqlite' ? opened.use(acquireLock(config.database.path)) : undefined
  const box = new SecretBox(config.secretKey ?? loadSecretKey(config.dataDir))
  const database = opened.use(await openDatabase(config.database, config.mailboxConcurrency))
  const tickets =
    config.database.kind === 'postgres' ? opened.use(await openTickets(config.database.url, work, log)) : undefined
  const stores = openStores(database, box, clock, tickets)
  if (lock) await stores.claims.recoverLost() // the database is ours alone, so what is marked as running has lost its worker

  const blobs = await openBlobStore(config.blobStore, config.dataDir, clock)
  opened.defer(() => blobs.close())
  await blobs.sweep()
  if (lock || work) await resumeErasures(stores.erasures, blobs)

  const graph = openGraph(config, log)
  opened.defer(() => graph.close())

  const { claims, contents, listings, messages: store, queue } = stores
  const budget = new ByteBudget(MOST_BYTES_OF_PAGES)
  const copying: RunDependencies = { provider: graph.mailboxes, store, contents, blobs, budget, claims, clock, log }
  const dependencies: InProcessEngineDependencies = {
    claims,
    run: (claimed, signals) => runExtraction(claimed, copying, signals),
    listMembers: (signal) => listMembers(graph.directory, listings, signal),
    clock,
    log,
  }
  const engine = tickets
    ? await openPgBossEngine({ ...dependencies, queue, tickets }, config.mailboxConcurrency)
    : new InProcessEngine(dependencies, config.mailboxConcurrency)
  opened.defer(() => engine.stop())
  return { stores, blobs, engine, log, announce: (url) => lock?.announce(url) }
}

// Who stays with SQLite does not load what Postgres needs: 25 MB, and a sixth of the time of a start.
async function openTickets(url: string, work: boolean, log: Logger): Promise<PgBossTickets> {
  const { PgBossTickets } = await import('./jobs/pg-boss-tickets.ts')
  return PgBossTickets.open(url, { work }, log)
}

async function openPgBossEngine(dependencies: PgBossEngineDependencies, concurrency: number): Promise<JobEngine> {
  const { PgBossEngine } = await import('./jobs/pg-boss-engine.ts')
  return new PgBossEngine(dependencies, concurrency)
}

function acquireLock(databasePath: string, advice = 'ask that one, or stop it first'): DatabaseLock {
  const lock = DatabaseLock.tryAcquire(databasePath)
  if (lock) return lock
  const owner = readOwner(databasePath)
  const who = owner ? `process ${owner.pid}, which answers at ${owner.url}` : 'another process'
  throw new AppError('database_in_use', `The database ${databasePath} is in use by ${who}: ${advice}`, {
    fields: { url: owner?.url },
  })
}

function openGraph(config: Config, log: Logger): Graph {
  const cloud = CLOUDS[config.cloud]
  return connectGraph({
    graphUrl: config.graphUrl ?? cloud.graphUrl,
    loginUrl: config.loginUrl ?? cloud.loginUrl,
    hasDelta: cloud.hasDelta,
    defaults: { ...config.credentials, ...(config.certificatePath && { certificatePath: config.certificatePath }) },
    clock: systemClock,
    log,
  })
}

function missingCredentials(given: AppCredentials, { credentials, certificatePath }: Config): (keyof AppCredentials)[] {
  const known = { ...credentials, ...given }
  const needed: (keyof AppCredentials)[] = certificatePath
    ? ['tenantId', 'clientId']
    : ['tenantId', 'clientId', 'clientSecret']
  return needed.filter((name) => !known[name])
}

async function listen(server: ReturnType<typeof buildServer>, { host, port }: Config): Promise<string> {
  try {
    return await server.listen({ host, port })
  } catch (cause) {
    const code = (cause as { code?: unknown }).code
    if (code === 'EADDRINUSE') {
      throw new AppError('port_taken', `Port ${port} of ${host} is taken by another program: stop it, or set PORT`, {
        cause,
      })
    }
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
      throw new AppError(
        'settings_invalid',
        `HOST ${host}, PORT ${port}: this machine does not let us listen there (${code})`,
        { cause },
      )
    }
    throw cause
  }
}
