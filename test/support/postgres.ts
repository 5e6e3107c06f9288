import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import type { ServerCommand, ServerMessage } from './postgres-server.ts'

const PROGRAM = fileURLToPath(new URL('./postgres-server.ts', import.meta.url))

/** A real server, with nothing to install by hand. */
export class PostgresServer implements AsyncDisposable {
  /** Of a database whose user may make others. */
  readonly url: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.url = url
  }

  /** @param isDurable whether it waits for the disk, as a server that people rely on does */
  static async start(isDurable = false): Promise<PostgresServer> {
    const child = fork(PROGRAM, isDurable ? ['--durable'] : [], { stdio: 'ignore' })
    return new PostgresServer(child, await answerOf(child))
  }

  /** As for maintenance: every connection is cut, and nobody answers until it is started again. */
  stop(): Promise<unknown> {
    return this.#ask('stop')
  }

  restart(): Promise<unknown> {
    return this.#ask('start')
  }

  #ask(command: ServerCommand): Promise<string> {
    const answer = answerOf(this.#child)
    this.#child.send(command)
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#child.ref()
    this.#child.disconnect()
    await exit
  }
}

/** Only while an answer is awaited does the server keep this process alive: it ends with it. */
async function answerOf(child: ChildProcess): Promise<string> {
  child.ref()
  child.channel?.ref()
  const answered = new AbortController() // lets go of the listener that hears nothing
  const heard = ['message', 'exit'].map((event) => once(child, event, { signal: answered.signal }))
  const [message] = (await Promise.race(heard)) as [ServerMessage | number]
  for (const one of heard) one.catch(() => {})
  answered.abort()
  child.unref()
  child.channel?.unref()
  if (typeof message === 'object' && 'url' in message) return message.url
  throw new Error(`No Postgres server for the tests: ${typeof message === 'object' ? message.error : 'it ended'}`)
}

let shared: Promise<string> | undefined

/** The server that the tests of this process share: the one that TEST_DATABASE_URL names, or one of their own. */
function sharedServer(): Promise<string> {
  shared ??= process.env.TEST_DATABASE_URL
    ? Promise.resolve(process.env.TEST_DATABASE_URL)
    : PostgresServer.start().then(({ url }) => url)
  return shared
}

/** An empty database for one test, gone with it. */
export class TempPostgres implements AsyncDisposable {
  readonly url: string
  readonly #name: string
  readonly #server: string

  private constructor(server: string, name: string) {
    this.#server = server
    this.#name = name
    this.url = databaseUrl(server, name)
  }

  static async create(server?: PostgresServer): Promise<TempPostgres> {
    const url = server?.url ?? (await sharedServer())
    const name = `test_${randomUUID().replaceAll('-', '')}`
    await query(url, `create database ${name}`)
    return new TempPostgres(url, name)
  }

  /** Rows as pg gives them, past the code that is tested. */
  query<Row>(text: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return query(this.url, text, parameters)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await query(this.#server, `drop database ${this.#name} with (force)`)
  }
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

async function query<Row>(url: string, text: string, parameters: readonly unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query(text, [...parameters])
    return rows as Row[]
  } finally {
    await client.end()
  }
}
