import { accessSync, constants, existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { type BlobStoreLocation, parseBlobStoreLocation } from './blobs/blob-store-location.ts'
import { AppError } from './errors.ts'
import type { AppCredentials } from './extractions/extraction.ts'
import { type DatabaseLocation, parseDatabaseLocation } from './storage/database-location.ts'

const CLOUDS = ['global', 'usgov', 'dod', 'china'] as const
type Cloud = (typeof CLOUDS)[number]

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
type LogLevel = (typeof LOG_LEVELS)[number]

export interface Config {
  cloud: Cloud
  /** Other origins than the cloud's own, for an inspecting proxy or the simulator. */
  graphUrl: string | undefined
  loginUrl: string | undefined
  /** The Entra app of requests that bring none. */
  credentials: AppCredentials
  /** PEM with key and certificate, in place of the client secret. */
  certificatePath: string | undefined
  /** May hold a password: never shown. */
  database: DatabaseLocation
  dataDir: string
  /** May hold a key: never shown. */
  blobStore: BlobStoreLocation
  host: string
  port: number
  /** 32 bytes; undefined where the key file in the data folder is to be used. */
  secretKey: Buffer | undefined
  mailboxConcurrency: number
  logLevel: LogLevel
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads the settings; throws one `settings_invalid` that names everything wrong at once. */
export function readConfig(env: Environment): Config {
  const problems: string[] = []
  const read = <Value>(name: string, fallback: Value, parse: (text: string) => Value): Value => {
    const text = env[name]?.trim()
    if (!text) return fallback
    try {
      return parse(text)
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`)
      return fallback
    }
  }

  const dataDir = resolve(read('DATA_DIR', './data', (text) => text))
  const config: Config = {
    cloud: read('OUTLOOK_CLOUD', 'global', oneOf(CLOUDS)),
    graphUrl: read('OUTLOOK_GRAPH_URL', undefined, httpsOrigin),
    loginUrl: read('OUTLOOK_LOGIN_URL', undefined, httpsOrigin),
    credentials: readCredentials(env),
    certificatePath: read('OUTLOOK_CLIENT_CERTIFICATE_PATH', undefined, readableFile),
    database: read('DATABASE_URL', { kind: 'sqlite', path: join(dataDir, 'outlookmail.db') }, parseDatabaseLocation),
    dataDir,
    blobStore: read('BLOB_STORE', { kind: 'file', path: join(dataDir, 'blobs') }, parseBlobStoreLocation),
    host: read('HOST', '127.0.0.1', loopbackHost),
    port: read('PORT', 3006, wholeNumber(0, 65_535)),
    secretKey: read('SECRET_KEY', undefined, secretKey),
    mailboxConcurrency: read('MAILBOX_CONCURRENCY', 8, wholeNumber(1, 256)),
    logLevel: read('LOG_LEVEL', 'info', oneOf(LOG_LEVELS)),
  }
  if (problems.length > 0) {
    throw new AppError('settings_invalid', `Settings that cannot be used: ${problems.join('; ')}`, {
      details: problems,
    })
  }
  return config
}

/** Where a store is moved from, and where to. */
export interface MigrationLocations {
  from: Extract<DatabaseLocation, { kind: 'sqlite' }>
  to: Extract<DatabaseLocation, { kind: 'postgres' }>
  /** What `to` was named by. */
  toName: '--to' | 'DATABASE_URL'
}

/** As `migrate-store` is told; without `to` it is DATABASE_URL. Throws one `settings_invalid` that names everything wrong at once. */
export function readMigrationLocations(
  given: { from: string; to: string | undefined },
  env: Environment,
): MigrationLocations {
  const problems: string[] = []
  const read = <Kind extends DatabaseLocation['kind']>(name: string, text: string, kind: Kind) => {
    try {
      const location = parseDatabaseLocation(text)
      if (location.kind === kind) return location as Extract<DatabaseLocation, { kind: Kind }>
      problems.push(`${name} must be a database of the other kind: a store is moved from sqlite: to postgres:`)
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`)
    }
    return undefined
  }
  const from = read('--from', given.from, 'sqlite')
  const toName = given.to === undefined ? 'DATABASE_URL' : '--to'
  const to = read(toName, given.to ?? env.DATABASE_URL?.trim() ?? '', 'postgres')
  if (from && !existsSync(from.path)) problems.push(`--from names ${from.path}, where there is no file`)
  if (!from || !to || problems.length > 0) {
    throw new AppError('settings_invalid', `This cannot be done: ${problems.join('; ')}`, { details: problems })
  }
  return { from, to, toName }
}

function readCredentials(env: Environment): AppCredentials {
  const credentials: AppCredentials = {}
  const [tenantId, clientId, clientSecret] = ['TENANT_ID', 'OUTLOOK_CLIENT_ID', 'OUTLOOK_CLIENT_SECRET'].map((name) =>
    env[name]?.trim(),
  )
  if (tenantId) credentials.tenantId = tenantId
  if (clientId) credentials.clientId = clientId
  if (clientSecret) credentials.clientSecret = clientSecret
  return credentials
}

function oneOf<Word extends string>(words: readonly Word[]) {
  return (text: string): Word => {
    const word = words.find((candidate) => candidate === text.toLowerCase())
    if (!word) throw new Error(`is "${text}": use one of ${words.join(', ')}`)
    return word
  }
}

function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const number = Number(text)
    if (!/^\d+$/.test(text) || number < least || number > most) {
      throw new Error(`is "${text}": use a whole number from ${least} to ${most}`)
    }
    return number
  }
}

/** Tokens and mail go there, so nothing but TLS will do. */
function httpsOrigin(text: string): string {
  if (!URL.canParse(text)) throw new Error(`is "${text}": use an address such as https://graph.microsoft.com`)
  const url = new URL(text)
  if (url.protocol !== 'https:') throw new Error('must begin with https://, for tokens and mail travel there')
  if (url.pathname !== '/' || url.search || url.username)
    throw new Error('must be an origin only, without path, query or user')
  return url.origin
}

function readableFile(text: string): string {
  try {
    accessSync(text, constants.R_OK)
  } catch {
    throw new Error(`names ${text}, which cannot be read`)
  }
  return resolve(text)
}

/** The API knows no callers' keys yet, so nobody but this machine may reach it. */
function loopbackHost(text: string): string {
  const isLoopback = text === 'localhost' || text === '::1' || (isIP(text) === 4 && text.startsWith('127.'))
  if (!isLoopback) {
    throw new Error(
      `is "${text}": only loopback addresses (127.0.0.1, ::1, localhost) are allowed, for the API has no callers' keys yet`,
    )
  }
  return text
}

function secretKey(text: string): Buffer {
  const key = Buffer.from(text, 'base64')
  if (key.length !== 32) throw new Error('must be 32 bytes in base64, such as `openssl rand -base64 32` prints')
  return key
}
