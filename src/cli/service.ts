import { type App, startApp } from '../app.ts'
import { type Config, readConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import { ApiClient } from '../http/client.ts'
import { readEnvironment } from './environment.ts'

/**
 * Runs `use` with a client of the service that owns the database: the one that runs already, or else one of
 * our own for as long as `use` takes, on a free port of the loopback address.
 * @param work whether a service of our own also copies; one that only answers leaves queued work alone
 */
export async function withService<Result>(
  { work }: { work: boolean },
  use: (client: ApiClient, config: Config) => Promise<Result>,
): Promise<Result> {
  const config = readConfig(readEnvironment())
  const own = await startOwn(config, work)
  if (typeof own === 'string') return use(new ApiClient(own), config)
  try {
    return await use(new ApiClient(own.url), config)
  } finally {
    await own.close()
  }
}

async function startOwn(config: Config, work: boolean): Promise<App | string> {
  try {
    return await startApp({ ...config, host: '127.0.0.1', port: 0, logLevel: quiet(config) }, { work })
  } catch (error) {
    const url = error instanceof AppError && error.code === 'database_in_use' ? error.fields.url : undefined
    if (typeof url !== 'string') throw error
    return url
  }
}

/** A command says what it has to say itself; of the log of a service only what went wrong may stand between its lines. */
function quiet({ logLevel }: Config): Config['logLevel'] {
  return logLevel === 'info' || logLevel === 'warn' ? 'error' : logLevel
}
