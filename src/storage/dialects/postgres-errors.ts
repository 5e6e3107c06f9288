import { DatabaseError } from 'pg'
import { AppError } from '../../errors.ts'

/** SQLSTATE of "somebody else was first": unique_violation, serialization_failure, deadlock_detected. */
const RACES = new Set(['23505', '40001', '40P01'])

/** The server is starting, stopping or full; or it cut off a process that stood still, or we wait for one that does. */
const AWAY_STATES = new Set(['57P01', '57P02', '57P03', '57P05', '53300', '25P03', '25P04', '55P03'])

/** What Node says where nobody answers, or not for long. */
const AWAY_SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT', // the socket of a server on this machine
])

/** pg has no code for these. */
const AWAY_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Query read timeout)/
const UNANSWERED = 'Query read timeout'

export function isRace(error: unknown): boolean {
  return RACES.has(codeOf(error))
}

/** pg gave up waiting for an answer, which may still come. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === UNANSWERED
}

/** Postgres's errors (postgresql.org/docs/current/errcodes-appendix.html) that say something of the host, not of our SQL. */
export function translated(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error
  const code = codeOf(error)
  const options = { cause: error }
  if (code === '53100') {
    return new AppError(
      'storage_full',
      'The disk of the database server is full: free some space, then continue',
      options,
    )
  }
  if (code === '25006') {
    return new AppError(
      'storage_readonly',
      'The database server takes no writes at present: DATABASE_URL has to name the primary, not a standby',
      options,
    )
  }
  const refusal = refusalOf(code, error.message)
  if (refusal) return new AppError('database_unavailable', refusal, { ...options, isPassing: true })
  if (isAway(code, error.message)) {
    return new AppError(
      'database_unavailable',
      'The database that DATABASE_URL names does not answer: see that the server runs and can be reached',
      { ...options, isPassing: true },
    )
  }
  if (code === '57014') {
    return new AppError('database_unavailable', 'The database did not answer in time: see what keeps it busy', options)
  }
  return error instanceof DatabaseError ? new StatementError(error) : error
}

/** A statement that Postgres refused: a bug of ours, or a race. What pg says of it besides may hold addresses and mail. */
class StatementError extends Error {
  override readonly name = 'StatementError'
  readonly code: string
  readonly constraint: string | undefined

  constructor({ code = '', message, table, constraint }: DatabaseError) {
    const isOfValue = code.startsWith('22') // a data exception repeats the value
    super(
      `Postgres refused a statement (${code}, ${constraint ?? table ?? 'no table'})${isOfValue ? '' : `: ${message}`}`,
    )
    this.code = code
    this.constraint = constraint
  }
}

/** What an administrator has to put right, in words that name no secret. */
function refusalOf(code: string, message: string): string | undefined {
  switch (code) {
    case '28P01':
    case '28000':
      return 'The database refuses the login: check user and password in DATABASE_URL, and pg_hba.conf of the server'
    case '3D000':
      return 'The database that DATABASE_URL names is not there: create it, or name another one'
    case '42501':
      return 'The user in DATABASE_URL may not do this in the database: it needs to create tables in its schema, and to read and write them'
  }
  if (/^SASL|client password must be a string|no pg_hba.conf entry/.test(message)) {
    return 'The database wants a password: give it in DATABASE_URL'
  }
  if (/SSL|certificate/i.test(message)) {
    return 'No TLS connection to the database came about: check sslmode in DATABASE_URL, and the certificate of the server'
  }
  return undefined
}

function isAway(code: string, message: string): boolean {
  return code.startsWith('08') || AWAY_STATES.has(code) || AWAY_SYSTEM_CODES.has(code) || AWAY_MESSAGES.test(message)
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : ''
}
