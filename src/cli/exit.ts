import { AppError } from '../errors.ts'
import { ApiError } from '../http/client.ts'

/** What the process ends with; `--help` of each command names them. */
export const EXIT = { done: 0, failed: 1, usage: 2, skipped: 3, paused: 4 } as const
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_HELP = `
Exit status:
  0  all done
  1  failed
  2  bad usage
  3  done, but something was skipped
  4  paused`

/** Codes that mean the command line or the settings have to be written differently. */
const USAGE_CODES = new Set(['settings_invalid', 'invalid_request', 'config_missing', 'connection_bound'])

/** One line for a person, and the exit status. Anything unforeseen keeps its stack, for it is a bug of ours. */
export function explain(error: unknown): { lines: string[]; status: ExitStatus } {
  if (error instanceof AppError || error instanceof ApiError) {
    const status = USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed
    return { lines: describe(error), status }
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { lines: [`outlookmail: unforeseen error, please report it: ${text}`], status: EXIT.failed }
}

/** Several problems have a line each; the sentence that holds them all would say them twice. */
function describe({ message, details }: AppError | ApiError): string[] {
  const [first] = details
  if (first === undefined || details.length === 1) return [`outlookmail: ${message}`]
  const heading = message.includes(first) ? message.slice(0, message.indexOf(first)).trim() : message
  return [`outlookmail: ${heading || 'This cannot be done:'}`, ...details.map((detail) => `  ${detail}`)]
}
