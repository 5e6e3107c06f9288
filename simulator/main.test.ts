import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ControlClient } from './control-client.ts'

const MAIN = fileURLToPath(new URL('main.js', import.meta.url))

function start(...args: string[]): ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
  return spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
}

async function outcome(...args: string[]): Promise<{ status: number; error: string; output: string }> {
  const child = start(...args)
  const [error, output, [status]] = await Promise.all([text(child.stderr), text(child.stdout), once(child, 'exit')])
  return { status, error, output }
}

test('the command prints one line of JSON when ready, serves, and ends at a signal', async () => {
  const child = start('--port', '0', '--json', '--mailbox', 'small=12')
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const ready = JSON.parse(line)
  assert.deepEqual(Object.keys(ready), ['url', 'ca_file', 'tenant_id', 'client_id', 'client_secret', 'mailboxes'])
  assert.ok(
    ready.mailboxes.some(
      (mailbox: object) => JSON.stringify(mailbox) === '{"user_upn":"small@example.com","messages":12}',
    ),
  )
  await using control = new ControlClient(ready.url, await readFile(ready.ca_file, 'utf8'))
  assert.equal((await control.stats()).requests, 0)

  const taken = await outcome('--port', new URL(ready.url).port)
  assert.equal(taken.status, 1)
  assert.match(taken.error, /^The simulator cannot start: the port is taken.*\n$/)

  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('a mistake in the arguments is one line and status 2, and --help explains them', async () => {
  const [mistake, help] = await Promise.all([outcome('--port', 'x'), outcome('--help')])
  assert.deepEqual(mistake, { status: 2, error: "--port cannot be 'x'. Try --help.\n", output: '' })
  assert.deepEqual([help.status, help.error], [0, ''])
  assert.match(help.output, /--mailbox NAME=COUNT/)
})
