import type { Command } from 'commander'
import type { migrateStore as MigrateStore } from '../../app.ts'
import { type MigrationLocations, readMigrationLocations } from '../../config.ts'
import { AppError } from '../../errors.ts'
import { readEnvironment } from '../environment.ts'
import { EXIT, type ExitStatus } from '../exit.ts'
import { print } from '../output.ts'
import { ProgressBar } from '../progress-bar.ts'
import { untilAskedToStop } from '../signals.ts'
import { table } from '../table.ts'

export function addMigrateStore(program: Command, exitWith: (status: ExitStatus) => void): void {
  program
    .command('migrate-store')
    .description('move everything from an SQLite database to Postgres; stopped at any moment, the same command goes on')
    .requiredOption(
      '--from <sqlite>',
      'the SQLite database, such as sqlite:./data/outlookmail.db; its service is stopped',
    )
    .option('--to <postgres>', 'an empty Postgres database (default: DATABASE_URL)')
    .addHelpText(
      'after',
      `
Examples:
  DATABASE_URL=postgres://user:password@db.example/mail outlookmail migrate-store --from sqlite:./data/outlookmail.db
  outlookmail migrate-store --from sqlite:./data/outlookmail.db --to postgres://user@db.example/mail

Other users of this machine can read a command line: give the password in DATABASE_URL, in PGPASSWORD or in ~/.pgpass.
Attachments and MIME stay in BLOB_STORE, and are not copied. No service starts on the new database before all is there.

Exit status:
  0  both databases hold the same
  1  failed, or they differ
  2  bad usage
  4  stopped; the same command goes on`,
    )
    .action(async ({ from, to }: { from: string; to?: string }) => {
      const locations = readMigrationLocations({ from, to }, readEnvironment())
      if (to !== undefined && hasPassword(to)) process.stderr.write(`${PASSWORD_SEEN}\n`)
      exitWith(await migrate(locations))
    })
}

const PASSWORD_SEEN =
  'outlookmail: other users of this machine can read the password in --to: better leave it out, and set PGPASSWORD'

async function migrate(locations: MigrationLocations): Promise<ExitStatus> {
  const { migrateStore } = await import('../../app.ts')
  const stopping = new AbortController()
  void untilAskedToStop().then(() => stopping.abort())
  let comparisons: Comparisons
  try {
    using bars = new StepBars()
    comparisons = await migrateStore(locations, {
      signal: stopping.signal,
      onProgress: (progress) => bars.show(progress),
    })
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    process.stderr.write('stopped; the same command goes on from here\n')
    return EXIT.paused
  }
  for (const line of describe(comparisons)) await print(line)
  refuseDifferences(comparisons)
  process.stderr.write(whatNext(locations))
  return EXIT.done
}

type Comparisons = Awaited<ReturnType<typeof MigrateStore>>
type Progress = Parameters<Parameters<typeof MigrateStore>[1]['onProgress']>[0]

/** First everything is copied, then everything is compared: each has a bar of its own. */
class StepBars implements Disposable {
  #step: Progress['step'] | undefined
  #bar: ProgressBar | undefined
  #startedAt = 0
  #startedWith = 0

  show({ step, table, rows, total }: Progress): void {
    if (step !== this.#step) {
      this.#bar?.[Symbol.dispose]()
      this.#bar = new ProgressBar('rows')
      this.#step = step
      this.#startedAt = performance.now()
      this.#startedWith = rows
    }
    const seconds = (performance.now() - this.#startedAt) / 1000
    const rate = seconds > 0 ? (rows - this.#startedWith) / seconds : 0
    const etaSeconds = rate > 0 ? (total - rows) / rate : null
    const percent = total > 0 ? (100 * rows) / total : 100
    this.#bar?.show({ percent, stored: rows, total, rate, etaSeconds, note: `${step} ${table}` })
  }

  [Symbol.dispose](): void {
    this.#bar?.[Symbol.dispose]()
  }
}

/** Enough of a hash to tell with the eye that two are the same. */
const SHOWN_DIGITS = 16

function describe(comparisons: Comparisons): string[] {
  return table([
    ['table', 'SQLite', 'Postgres', 'hash in SQLite', 'hash in Postgres'],
    ...comparisons.map(({ table, source, target }) => [
      table,
      source.rows.toLocaleString('en-US'),
      target.rows.toLocaleString('en-US'),
      source.hash.slice(0, SHOWN_DIGITS),
      target.hash.slice(0, SHOWN_DIGITS),
    ]),
  ])
}

function refuseDifferences(comparisons: Comparisons): void {
  const problems = comparisons.flatMap(({ table, firstDifference }) =>
    firstDifference ? [`${table} differs, first at the row ${firstDifference.join(', ')}`] : [],
  )
  if (problems.length === 0) return
  throw new AppError(
    'transfer_refused',
    `The two databases are not the same, and no service starts on the new one: ${problems.join('; ')}. Somebody wrote to one of them meanwhile: drop the new one, and move the store into an empty one`,
  )
}

function whatNext({ from }: MigrationLocations): string {
  return `
Everything is in Postgres now. What to do next:
  1. Set DATABASE_URL to the Postgres database, and start the service. What was queued goes on by itself.
  2. Leave BLOB_STORE and DATA_DIR as they are: attachments and MIME were not copied, the rows refer to them.
  3. Keep SECRET_KEY (without it, secret.key in DATA_DIR): stored client secrets are encrypted with it.
  4. Start no service on ${from.path} any more, and keep that file until you are satisfied.
`
}

function hasPassword(url: string): boolean {
  return URL.canParse(url) && new URL(url).password !== ''
}
