import { setTimeout as delay } from 'node:timers/promises'
import { type Config, readConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import { ApiClient, ApiError } from '../http/client.ts'
import { readEnvironment } from './environment.ts'

/** For a database whose owner is just starting or ending: that takes moments, unless something is wrong. */
const OWNER_PATIENCE_MS = 15_000
const POLL_MS = 100

interface Reached extends AsyncDisposable {
  client: ApiClient
  /** It is a part of this process, and ends with it only. */
  own: boolean
}

/**
 * Runs `use` with a client of the service that owns the database: the one that runs already, or else one of
 * our own for as long as `use` takes, on a free port of the loopback address.
 * Should the service of another process end meanwhile, `use` is called again with the one that comes next.
 * @param work whether a service of our own also copies; one that only answers leaves queued work alone
 */
export async function withService<Result>(
  { work }: { work: boolean },
  use: (client: ApiClient) => Promise<Result>,
): Promise<Result> {
  const config = readConfig(readEnvironment())
  for (;;) {
    await using service = await reach(config, work)
    try {
      return await use(service.client)
    } catch (error) {
      if (service.own || !hasGone(error)) throw error
    }
  }
}

async function reach(config: Config, work: boolean): Promise<Reached> {
  const { startApp } = await import('../app.ts') // what a service is made of takes half a second to load
  const own = { ...config, host: '127.0.0.1', port: 0, logLevel: quiet(config) }
  return whileOwnerChanges(OWNER_PATIENCE_MS, async () => {
    try {
      const app = await startApp(own, { work })
      return { client: new ApiClient(app.url), own: true, [Symbol.asyncDispose]: () => app.close() }
    } catch (error) {
      const client = await clientOfOwner(error)
      if (!client) throw error
      return { client, own: false, [Symbol.asyncDispose]: async () => {} }
    }
  })
}

/** Repeats what fails because of the database's owner, who may be about to say where it answers, or to end. */
export async function whileOwnerChanges<Result>(patienceMs: number, attempt: () => Promise<Result>): Promise<Result> {
  const end = Date.now() + patienceMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!isInUse(error) || Date.now() > end) throw error
      await delay(POLL_MS)
    }
  }
}

/** Undefined where there is no owner who answers. */
async function clientOfOwner(error: unknown): Promise<ApiClient | undefined> {
  if (!isInUse(error) || typeof error.fields.url !== 'string') return undefined
  const client = new ApiClient(error.fields.url)
  try {
    await client.health()
    return client
  } catch {
    return undefined
  }
}

function isInUse(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'database_in_use'
}

function hasGone(error: unknown): boolean {
  return error instanceof ApiError && ['service_unreachable', 'shutting_down'].includes(error.code)
}

/** A command says what it has to say itself; of the log of a service only what went wrong may stand between its lines. */
function quiet({ logLevel }: Config): Config['logLevel'] {
  return logLevel === 'info' || logLevel === 'warn' ? 'error' : logLevel
}
