import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import SqliteHandle from 'better-sqlite3'
import { ApiClient } from '../../src/http/client.ts'
import { curl } from '../support/curl.ts'
import { runCommand, startCommand, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function environment(folder: TempFolder, port: number): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, DATA_DIR: folder.path, PORT: String(port) }
}

/** What it has said by the time it says `last`. */
async function saidUntil(demo: ChildProcess, last: RegExp): Promise<string> {
  const said: string[] = []
  for await (const line of createInterface({ input: demo.stderr as NodeJS.ReadableStream })) {
    said.push(line)
    if (last.test(line)) return said.join('\n')
  }
  throw new Error(`The demo ended too early: ${said.join('\n')}`)
}

function addressesIn(said: string): string[] {
  return [...said.matchAll(/^(?:Simulated Microsoft Graph|Service): +(https?:\/\/\S+)/gm)].map(([, url = '']) => url)
}

async function untilNothingListens(urls: readonly string[]): Promise<void> {
  for (const url of urls) {
    const { port } = new URL(url)
    await until(`port ${port} to be free`, async () => {
      const server = createServer().listen(Number(port), '127.0.0.1')
      try {
        await once(server, 'listening')
        return true
      } catch {
        return undefined
      } finally {
        server.close()
      }
    })
  }
}

test('the demo copies its mailboxes, says what to try next, and Ctrl-C leaves nothing behind', async () => {
  using folder = new TempFolder()
  const port = await freePort()
  const demo = startCommand(['demo'], environment(folder, port))
  const exited = once(demo, 'exit')
  const said = await saidUntil(demo, /Ctrl-C ends the demo/)
  demo.stderr?.resume()
  const urls = addressesIn(said)
  assert.equal(urls.length, 2)
  assert.ok(urls.includes(`http://127.0.0.1:${port}`))
  assert.match(said, /Batch of 6 mailboxes: +batch_\S+/)
  assert.match(said, /Batch completed: [\d,]+ stored/)
  assert.doesNotMatch(said, /^\s+at .*:\d+/m)

  const client = new ApiClient(`http://127.0.0.1:${port}`)
  const lines = said.split('\n').filter((line) => line.startsWith('  curl '))
  assert.ok(lines.length >= 7, `${lines.length} lines to try`)
  for (const line of lines) {
    const answer = await curl(line.trim())
    // The one mailbox is so small that it may have been copied before it can be paused.
    const isTooLate = answer.status === 409 && /completed/.test(answer.body)
    assert.ok(answer.status < 300 || isTooLate, `${line}: ${answer.status} ${answer.body}`)
  }
  await untilStatus(client, 'conn1', 'completed', 'in_progress', 'queued', 'paused')
  assert.ok((await fetch(`${urls[1]}/docs`)).ok)

  const [, file = '', query = ''] = /sqlite3 '([^']+)' "([^"]+)"/.exec(said) ?? []
  const database = new SqliteHandle(file, { readonly: true })
  assert.ok(database.prepare(query).all().length > 10, 'a line a folder')
  database.close()

  demo.kill('SIGINT')
  assert.deepEqual(await exited, [0, null])
  await untilNothingListens(urls)
})

test('a demo that is killed takes the simulator and the service along', async () => {
  using folder = new TempFolder()
  const demo = startCommand(['demo'], environment(folder, 0))
  const said = await saidUntil(demo, /^Batch of/)
  demo.kill('SIGKILL')
  await once(demo, 'exit')
  assert.equal(addressesIn(said).length, 2)
  await untilNothingListens(addressesIn(said))
})

test('Ctrl-C while the demo is starting ends it with 0', async () => {
  using folder = new TempFolder()
  const demo = startCommand(['demo'], environment(folder, 0))
  const exited = once(demo, 'exit')
  const said = await saidUntil(demo, /^Simulated Microsoft Graph/)
  demo.stderr?.resume()
  demo.kill('SIGINT')
  assert.deepEqual(await exited, [0, null])
  await untilNothingListens(addressesIn(said))
})

test('when a part of the demo ends by itself, the demo says so, ends with 1 and stops the rest', async () => {
  using folder = new TempFolder()
  const demo = startCommand(['demo'], environment(folder, 0))
  const exited = once(demo, 'exit')
  const said = await saidUntil(demo, /^Batch of/)
  const last = saidUntil(demo, /The service of the demo has ended/)
  const owner = JSON.parse(readFileSync(join(folder.path, 'demo', 'outlookmail.db.owner'), 'utf8')) as { pid: number }
  process.kill(owner.pid, 'SIGKILL')
  await last
  assert.deepEqual(await exited, [1, null])
  await untilNothingListens(addressesIn(said))
})

test('a second demo leaves the mail of the first alone, and says who has it', async () => {
  using folder = new TempFolder()
  const demo = startCommand(['demo'], environment(folder, 0))
  const exited = once(demo, 'exit')
  await saidUntil(demo, /^Batch of/)
  demo.stderr?.resume()
  const { status, stderr } = await runCommand(['demo'], environment(folder, 0))
  assert.equal(status, 1)
  assert.match(stderr, /^outlookmail: The database \S+ is in use by process \d+.*\n$/)
  assert.ok(existsSync(join(folder.path, 'demo', 'outlookmail.db')))
  demo.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})

test('a port that is taken, by whatever it is, or is none, is one line before anything starts', async () => {
  using folder = new TempFolder()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const taken = await runCommand(['demo'], environment(folder, port))
  other.close()
  assert.equal(taken.status, 1)
  assert.match(taken.stderr, new RegExp(`^outlookmail: Port ${port} of 127\\.0\\.0\\.1 is taken .* set PORT\\n$`))

  const none = await runCommand(['demo'], { ...environment(folder, port), PORT: '70000' })
  assert.equal(none.status, 2)
  assert.match(none.stderr, /^outlookmail: Settings that cannot be used: PORT is "70000".*\n$/)
  assert.ok(!existsSync(join(folder.path, 'demo')))
})
