import type { Command } from 'commander'
import { startApp } from '../../app.ts'
import { readConfig } from '../../config.ts'
import { readEnvironment } from '../environment.ts'
import { untilAskedToStop } from '../signals.ts'

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('the API and the worker in one process, until Ctrl-C')
    .addHelpText(
      'after',
      `
Settings come from the environment and from .env; docs/settings.md lists them.

Exit status:
  0  stopped when asked to
  1  could not start
  2  bad settings`,
    )
    .action(async () => {
      const app = await startApp(readConfig(readEnvironment()), { work: true })
      process.stderr.write(
        `outlookmail listens on ${app.url} (this machine only); API documentation at ${app.url}/docs\n`,
      )
      await untilAskedToStop()
      await app.close()
    })
}
