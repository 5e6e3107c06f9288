import { type Command, InvalidArgumentError } from 'commander'
import { AppError } from '../../errors.ts'
import type { ApiClient } from '../../http/client.ts'
import type { Options, StatusRecord } from '../../http/contract.ts'
import { EXIT, EXIT_HELP, type ExitStatus } from '../exit.ts'
import { follow } from '../follow.ts'
import { print } from '../output.ts'
import { ProgressBar } from '../progress-bar.ts'
import { withService } from '../service.ts'
import { untilAskedToStop } from '../signals.ts'

interface ExtractOptions {
  include: string[]
  exclude: string[]
  body: 'html' | 'text' | 'both'
  attachments: 'none' | 'metadata' | 'content'
  mime?: true
  hidden: boolean
  recoverable?: true
  receivedAfter?: string
  receivedBefore?: string
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
    .option('--body <form>', 'html, text or both', oneOf('html', 'text', 'both'), 'html')
    .option('--attachments <what>', 'none, metadata or content', oneOf('none', 'metadata', 'content'), 'content')
    .option('--mime', 'also each message as RFC 822 text')
    .option('--no-hidden', 'leave hidden folders out')
    .option('--recoverable', 'also soft-deleted items')
    .option('--received-after <time>', 'only mail received then or later: 2026-01-31, or 2026-01-31T08:15:00Z')
    .option('--received-before <time>', 'only mail received before that time')
    .option('--json', 'print the final status records as JSON')
    .addHelpText(
      'after',
      `
Examples:
  outlookmail extract adele@contoso.example
  outlookmail extract adele@contoso.example alex@contoso.example --include inbox --body both
  outlookmail extract adele@contoso.example --received-after 2025-01-01
${EXIT_HELP}`,
    )
    .action(async (upns: string[], options: ExtractOptions) => {
      await refuseNoAddresses(upns)
      const wanted: Wanted = {
        connectionIds: [...new Set(upns.map((upn) => upn.toLowerCase()))],
        options: toApiOptions(options),
        begun: new Set(),
        stopped: untilAskedToStop().then(() => 'stopped'),
      }
      const records = await withService({ work: true }, (client) => extract(client, wanted))
      if (options.json) await print(JSON.stringify(records))
      exitWith(records.length < wanted.connectionIds.length ? EXIT.paused : exitStatus(records))
    })
}

/** Before anything is begun, for one command does all or nothing. */
async function refuseNoAddresses(upns: readonly string[]): Promise<void> {
  const [{ Value }, { Address }] = await Promise.all([import('typebox/value'), import('../../http/contract.ts')])
  const problems = upns.filter((upn) => !Value.Check(Address, upn)).map((upn) => `"${upn}" is not an e-mail address`)
  if (problems.length > 0) throw new AppError('invalid_request', problems.join('; '), { details: problems })
}

interface Wanted {
  connectionIds: readonly string[]
  options: Options
  /** What is under way by now, should one service take over from another. */
  begun: Set<string>
  /** Ctrl-C */
  stopped: Promise<'stopped'>
}

async function extract(client: ApiClient, { connectionIds, options, begun, stopped }: Wanted): Promise<StatusRecord[]> {
  const isStopped = () => Promise.race([stopped, Promise.resolve('going')]).then((word) => word === 'stopped')
  try {
    for (const id of connectionIds) {
      if (begun.has(id)) continue
      if (await isStopped()) break
      await begin(client, id, options)
      begun.add(id)
    }
  } catch (error) {
    await pauseAll(client, begun) // one command does all it is asked for, or leaves nothing behind that goes on by itself
    throw error
  }

  using bar = new ProgressBar()
  const ended = follow(client, [...begun], bar)
  if ((await Promise.race([ended, stopped])) === 'stopped') {
    bar.say('pausing at a checkpoint; the same command goes on from there')
    await pauseAll(client, begun)
  }
  return ended
}

async function pauseAll(client: ApiClient, connectionIds: Iterable<string>): Promise<void> {
  for (const id of connectionIds) await client.pause(id).catch(() => undefined) // it may have ended
}

/** Starts the connection, or joins what is already under way. */
async function begin(client: ApiClient, upn: string, options: Options): Promise<void> {
  const { status } = await client.status(upn)
  if (status === 'pausing' || status === 'paused' || status === 'failed') await client.continue(upn)
  else if (status === 'not_started' || status === 'completed' || status === 'cancelled') {
    await client.start(upn, { user_upn: upn, options })
  }
}

function exitStatus(records: readonly StatusRecord[]): ExitStatus {
  const has = (status: StatusRecord['status']) => records.some((record) => record.status === status)
  if (has('failed') || has('cancelled')) return EXIT.failed
  if (has('paused')) return EXIT.paused
  return records.some(({ progress }) => progress.messages_skipped + progress.attachments_skipped > 0)
    ? EXIT.skipped
    : EXIT.done
}

function toApiOptions(options: ExtractOptions): Options {
  const { include, exclude, body, attachments, mime = false, hidden, recoverable = false } = options
  const { receivedAfter, receivedBefore } = options
  return {
    folders: { include, exclude },
    body,
    attachments,
    mime,
    include_hidden: hidden,
    include_recoverable: recoverable,
    ...(receivedAfter !== undefined && { received_after: receivedAfter }),
    ...(receivedBefore !== undefined && { received_before: receivedBefore }),
  }
}

function gather(value: string, gathered: string[]): string[] {
  return [...gathered, value]
}

const OR = new Intl.ListFormat('en-GB', { type: 'disjunction' })

function oneOf(...words: string[]) {
  return (value: string): string => {
    if (!words.includes(value)) throw new InvalidArgumentError(`Use ${OR.format(words)}.`)
    return value
  }
}
