import type { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { readEnvironment } from '../environment.ts'
import { untilAskedToStop } from '../signals.ts'

export function addWorker(program: Command): void {
  program
    .command('worker')
    .description('one more worker on a Postgres database, without the API, until Ctrl-C')
    .addHelpText(
      'after',
      `
Examples:
  DATABASE_URL=postgres://user:password@db.example/mail outlookmail worker
  MAILBOX_CONCURRENCY=16 outlookmail worker

Any number may run, on any number of machines. All of them, and the API, need the same SECRET_KEY and BLOB_STORE.
A stop gives the work back at a checkpoint, and another worker goes on with it; one that is killed is replaced in seconds.

Exit status:
  0  stopped when asked to
  1  could not start
  2  bad settings, or an SQLite database: that has one owner, which \`serve\` is`,
    )
    .action(async () => {
      const { startWorker } = await import('../../app.ts')
      const worker = await startWorker(readConfig(readEnvironment()))
      const stopped = untilAskedToStop() // from now on: whoever reads the line may ask at once
      process.stderr.write('outlookmail worker is ready\n')
      await stopped
      await worker.close()
    })
}
