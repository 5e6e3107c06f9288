import { type Command, InvalidArgumentError } from 'commander'
import type { ApiClient } from '../../http/client.ts'
import type { Options, StatusRecord } from '../../http/contract.ts'
import { EXIT, EXIT_HELP, type ExitStatus } from '../exit.ts'
import { follow } from '../follow.ts'
import { ProgressBar } from '../progress-bar.ts'
import { withService } from '../service.ts'
import { untilAskedToStop } from '../signals.ts'

interface ExtractOptions {
  include: string[]
  exclude: string[]
  body: 'html' | 'text' | 'both'
  hidden: boolean
  recoverable?: true
  json?: true
}

export function addExtract(program: Command, exitWith: (status: ExitStatus) => void): void {
  program
    .command('extract')
    .description('copy mailboxes into the database now; Ctrl-C pauses, the same command goes on')
    .argument('<upn...>', 'addresses of the mailboxes; each is its own connection id')
    .option(
      '--include <folder>',
      'only this folder and what is below it: a path or a well-known name (repeatable)',
      gather,
      [],
    )
    .option('--exclude <folder>', 'all but this folder (repeatable)', gather, [])
    .option('--body <form>', 'html, text or both', bodyForm, 'html')
    .option('--no-hidden', 'leave hidden folders out')
    .option('--recoverable', 'also soft-deleted items')
    .option('--json', 'print the final status records as JSON')
    .addHelpText(
      'after',
      `
Examples:
  outlookmail extract adele@contoso.example
  outlookmail extract adele@contoso.example alex@contoso.example --include inbox --body both
${EXIT_HELP}`,
    )
    .action(async (upns: string[], options: ExtractOptions) => {
      const records = await withService({ work: true }, (client) => extract(client, upns, options))
      if (options.json) console.log(JSON.stringify(records))
      exitWith(exitStatus(records))
    })
}

async function extract(client: ApiClient, upns: string[], options: ExtractOptions): Promise<StatusRecord[]> {
  const connectionIds = [...new Set(upns.map((upn) => upn.toLowerCase()))]
  for (const upn of connectionIds) await begin(client, upn, toApiOptions(options))

  using bar = new ProgressBar()
  const ended = follow(client, connectionIds, bar)
  const stopped = untilAskedToStop().then(() => 'stopped' as const)
  if ((await Promise.race([ended, stopped])) === 'stopped') {
    bar.say('pausing at a checkpoint; the same command goes on from there')
    await Promise.all(connectionIds.map((id) => client.pause(id).catch(() => undefined))) // some may have ended
  }
  return ended
}

/** Starts the connection, or joins what is already under way. */
async function begin(client: ApiClient, upn: string, options: Options): Promise<void> {
  const { status } = await client.status(upn)
  if (status === 'paused' || status === 'failed') await client.continue(upn)
  else if (status === 'not_started' || status === 'completed' || status === 'cancelled') {
    await client.start(upn, { user_upn: upn, options })
  }
}

function exitStatus(records: readonly StatusRecord[]): ExitStatus {
  const has = (status: StatusRecord['status']) => records.some((record) => record.status === status)
  if (has('failed') || has('cancelled')) return EXIT.failed
  if (has('paused')) return EXIT.paused
  return records.some((record) => record.progress.messages_skipped > 0) ? EXIT.skipped : EXIT.done
}

function toApiOptions({ include, exclude, body, hidden, recoverable }: ExtractOptions): Options {
  return { folders: { include, exclude }, body, include_hidden: hidden, include_recoverable: recoverable ?? false }
}

function gather(value: string, gathered: string[]): string[] {
  return [...gathered, value]
}

function bodyForm(value: string): string {
  if (!['html', 'text', 'both'].includes(value)) throw new InvalidArgumentError('Use html, text or both.')
  return value
}
