import type { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { readEnvironment } from '../environment.ts'
import { whileOwnerChanges } from '../service.ts'
import { untilAskedToStop } from '../signals.ts'

/** Long enough for `status` and the like, which have the database for a moment when no service runs. */
const OWNER_PATIENCE_MS = 2_000

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('the API and the worker in one process, until Ctrl-C')
    .option('--no-worker', 'only the API; on Postgres the copying is left to `outlookmail worker`')
    .addHelpText(
      'after',
      `
Examples:
  outlookmail serve
  outlookmail serve --no-worker
  PORT=8080 DATA_DIR=/var/lib/outlookmail outlookmail serve

Settings come from the environment and from .env; docs/settings.md lists them.

Exit status:
  0  stopped when asked to
  1  could not start
  2  bad settings`,
    )
    .action(async ({ worker }: { worker: boolean }) => {
      const { startApp } = await import('../../app.ts')
      const config = readConfig(readEnvironment())
      const app = await whileOwnerChanges(OWNER_PATIENCE_MS, () => startApp(config, { work: worker }))
      const stopped = untilAskedToStop() // from now on: whoever reads the line may ask at once
      process.stderr.write(
        `outlookmail listens on ${app.url} (this machine only); API documentation at ${app.url}/docs\n`,
      )
      await stopped
      await app.close()
    })
}
