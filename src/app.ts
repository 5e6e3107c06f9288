import { type Logger, pino } from 'pino'
import { openBlobStore } from './blobs/open-blob-store.ts'
import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { eraseMailbox, resumeErasures } from './copying/erase-mailbox.ts'
import { runExtraction } from './copying/run-extraction.ts'
import { AppError } from './errors.ts'
import type { AppCredentials } from './extractions/extraction.ts'
import { ExtractionCommands } from './extractions/extraction-commands.ts'
import { listMembers } from './extractions/list-members.ts'
import { CLOUDS } from './graph/clouds.ts'
import { connectGraph, type Graph } from './graph/graph.ts'
import { buildServer } from './http/server.ts'
import { InProcessEngine } from './jobs/in-process-engine.ts'
import { loadSecretKey } from './secret-key.ts'
import { DatabaseLock, readOwner } from './storage/lock.ts'
import { openDatabase } from './storage/open-database.ts'
import { SecretBox } from './storage/secret-box.ts'
import { openStores } from './storage/stores.ts'
import { VERSION } from './version.ts'

export interface App {
  /** Where the API listens. */
  readonly url: string
  /** Brings running work to its checkpoints and lets go of everything. */
  close(): Promise<void>
}

/**
 * Builds and starts the whole service; on failure nothing is left open.
 * @param work whether it also copies; without, queued extractions wait for a service that does
 */
export async function startApp(config: Config, { work }: { work: boolean }): Promise<App> {
  await using opened = new AsyncDisposableStack() // let go in the opposite order, should the start fail
  const log = pino({ level: config.logLevel }, pino.destination(2))
  const clock = systemClock

  const lock = config.database.kind === 'sqlite' ? opened.use(acquireLock(config.database.path)) : undefined
  const box = new SecretBox(config.secretKey ?? loadSecretKey(config.dataDir))
  const database = opened.use(await openDatabase(config.database))
  const stores = openStores(database, box, clock)
  // NOTE: with a lock the database is ours alone, so what is marked as running has lost its worker. On Postgres that is
  // so only while one process works on it, as long as workers show no sign of life in the rows.
  if (lock || work) await stores.claims.recoverLost()

  const blobs = await openBlobStore(config.blobStore, config.dataDir, clock)
  opened.defer(() => blobs.close())
  await blobs.sweep()
  await resumeErasures(stores.erasures, blobs)

  const graph = openGraph(config, log)
  opened.defer(() => graph.close())

  const engine = new InProcessEngine(
    {
      claims: stores.claims,
      run: (claimed, signals) =>
        runExtraction(
          claimed,
          {
            provider: graph.mailboxes,
            store: stores.messages,
            contents: stores.contents,
            blobs,
            claims: stores.claims,
            clock,
            log,
          },
          signals,
        ),
      listMembers: (signal) => listMembers(graph.directory, stores.listings, signal),
      clock,
      log,
    },
    config.mailboxConcurrency,
  )
  opened.defer(() => engine.stop())

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
  lock?.announce(url)
  if (work) await engine.start()

  const running = opened.move()
  return { url, close: () => running.disposeAsync() }
}

function acquireLock(databasePath: string): DatabaseLock {
  const lock = DatabaseLock.tryAcquire(databasePath)
  if (lock) return lock
  const owner = readOwner(databasePath)
  const who = owner ? `process ${owner.pid}, which answers at ${owner.url}` : 'another process'
  throw new AppError(
    'database_in_use',
    `The database ${databasePath} is in use by ${who}: ask that one, or stop it first`,
    {
      fields: { url: owner?.url },
    },
  )
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
