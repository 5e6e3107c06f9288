import { parseArgs } from 'node:util'
import type { FileSelect } from './attachment-select.ts'
import { readMailbox } from './mailbox-argument.ts'
import type { SimulatorOptions } from './simulator.ts'
import type { MailboxRequest } from './world.ts'

export const HELP = `Usage: node simulator/main.js [options]

A look-alike of Microsoft Graph and its login, over HTTPS on this machine.

  --port N                     port, 0 for any free one (3007)
  --host ADDRESS               address to listen on (127.0.0.1)
  --seed NAME                  the world to show (demo)
  --mail DIR                   serve the .eml and .mbox files below DIR as mail@example.com
  --mailbox NAME=COUNT         one more mailbox with COUNT messages in its Inbox; may be repeated
                               NAME=COUNT,attachments=EVERY:MIN-MAX gives every so many messages an attachment of
                               MIN to MAX bytes, and …xN gives it N of them; …,largest=BYTES makes the very first one that large
                               NAME=COUNT,folders=N spreads them over N folders, from large to small
                               NAME=odd holds every kind of item, and everything odd, once
  --body-bytes N               length of the bodies in those mailboxes (varied)
  --latency MS                 wait before every answer
  --latency-per-message MS     wait for every message in an answer as well; a tenth of it where no body is asked for
  --token-lifetime SECONDS     life of access tokens (4499)
  --no-limits                  record the limits of Outlook, but do not enforce them
  --prepared                   serve the pages of --mailbox ones from memory
  --file-select STYLE          how $select names contentId: cast (microsoft.graph.fileAttachment/…) or plain (cast)
  --ca-file PATH               where to write the certificate to trust
  --json                       print one line of JSON when ready
  --help                       this text

Examples:
  node simulator/main.js --port 0 --json
  node simulator/main.js --mail ~/eml
  node simulator/main.js --mailbox big=100000 --latency 50
  node simulator/main.js --mailbox files=5000,attachments=5:20000-5000000 --mailbox odd=odd

Exit status:
  0  stopped when asked to
  1  could not start
  2  bad usage
`

export interface Arguments {
  help: boolean
  json: boolean
  options: SimulatorOptions
}

/** A mistake in the command line, in one sentence. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError'
}

export function readArguments(args: readonly string[]): Arguments {
  const values = parse(args)
  const number = (
    name: 'port' | 'body-bytes' | 'latency' | 'latency-per-message' | 'token-lifetime',
    check: (value: number) => boolean,
  ) => {
    const text = values[name]
    if (text === undefined) return undefined
    const value = Number(text)
    if (text.trim() === '' || !check(value)) throw new ArgumentError(`--${name} cannot be '${text}'.`)
    return value
  }
  const notNegative = (value: number) => value >= 0 && value < 1e9
  const options: Record<keyof SimulatorOptions, unknown> = {
    port: number('port', (value) => Number.isInteger(value) && value >= 0 && value < 65_536) ?? 3007,
    host: values.host,
    seed: values.seed,
    demo: undefined,
    mail: values.mail,
    mailboxes: (values.mailbox ?? []).map(mailboxOf),
    bodyBytes: number('body-bytes', (value) => Number.isInteger(value) && notNegative(value)),
    latencyMs: number('latency', notNegative),
    latencyPerMessageMs: number('latency-per-message', notNegative),
    tokenLifetimeSeconds: number(
      'token-lifetime',
      (value) => Number.isInteger(value) && value >= 1 && notNegative(value),
    ),
    limits: values['no-limits'] ? false : undefined,
    prepared: values.prepared,
    fileSelect: fileSelectOf(values['file-select']),
    caFile: values['ca-file'],
    now: undefined,
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return { help: values.help ?? false, json: values.json ?? false, options: given as SimulatorOptions }
}

function fileSelectOf(text: string | undefined): FileSelect | undefined {
  if (text === undefined || text === 'cast' || text === 'plain') return text
  throw new ArgumentError(`--file-select is cast or plain, not '${text}'.`)
}

function mailboxOf(text: string): MailboxRequest {
  const request = readMailbox(text)
  if (!request) throw new ArgumentError(`--mailbox wants NAME=COUNT, as in --help, not '${text}'.`)
  return request
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        seed: { type: 'string' },
        mail: { type: 'string' },
        mailbox: { type: 'string', multiple: true },
        'body-bytes': { type: 'string' },
        latency: { type: 'string' },
        'latency-per-message': { type: 'string' },
        'token-lifetime': { type: 'string' },
        'no-limits': { type: 'boolean' },
        prepared: { type: 'boolean' },
        'file-select': { type: 'string' },
        'ca-file': { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new ArgumentError((error as Error).message.split('\n')[0] ?? 'The arguments cannot be read.')
  }
}
