import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import type { StatusRecord } from '../../src/http/contract.ts'
import { assertPerfectCopy, stored } from '../support/copies.ts'
import { type CommandResult, ended, MAIN, Service, settings, startCommand, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const USER = 'user@example.com'
const LONG = 'long@example.com'
const NO_TENANT = { TENANT_ID: '', OUTLOOK_CLIENT_ID: '', OUTLOOK_CLIENT_SECRET: '' }

let simulator: Simulator

before(async () => {
  simulator = await startSimulator({ mailboxes: [{ name: LONG, messages: 500, bodyBytes: 12_000 }] })
})

after(() => simulator.close())

/** What a command answers; whatever it is, it is for a person. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult> {
  return readable(await ended(startCommand(args, env)))
}

function readable(result: CommandResult): CommandResult {
  const { stdout, stderr } = result
  assert.doesNotMatch(stdout + stderr, /^\s+at .*:\d+|unforeseen|UnhandledPromise/m, 'no stack trace')
  return result
}

function assertOneLine({ stderr }: CommandResult, expected: RegExp): void {
  assert.match(stderr, expected)
  assert.match(stderr, /^[^\n]+\n$/, 'one line')
}

function hold(gate: string, match: { user?: string; nth?: number } = {}): void {
  simulator.faults.clear()
  simulator.faults.add({ match: { kind: 'delta', user: LONG, ...match }, effect: { gate } })
}

function letGo(gate: string): void {
  simulator.faults.clear()
  simulator.gates.open(gate)
}

test('extract copies a mailbox, tells its progress on stderr only, and ends with 0', async () => {
  using folder = new TempFolder()
  const { status, stdout, stderr } = await run(['extract', USER], settings(simulator, folder))
  assert.equal(status, 0)
  assert.equal(stdout, '')
  assert.match(stderr, /user@example\.com: completed \(\d+ stored\)/)
  await assertPerfectCopy(simulator, folder, USER)
})

test('extract --json copies several and prints their records in the order asked for', async () => {
  using folder = new TempFolder()
  const upns = ['user2@example.com', 'USER@example.com', 'user1@example.com', USER]
  const { status, stdout } = await run(['extract', '--json', ...upns], settings(simulator, folder))
  assert.equal(status, 0)
  const records = JSON.parse(stdout) as StatusRecord[]
  assert.deepEqual(
    records.map((record) => [record.user_upn, record.status]),
    [
      ['user2@example.com', 'completed'],
      [USER, 'completed'],
      ['user1@example.com', 'completed'],
    ],
  )
  for (const { user_upn } of records) await assertPerfectCopy(simulator, folder, user_upn)
})

test('Ctrl-C pauses extract at a checkpoint, and the same command goes on to a perfect copy', async () => {
  using folder = new TempFolder()
  for (const [signal, nth] of [
    ['SIGINT', 3],
    ['SIGTERM', 2],
  ] as const) {
    const gate = `Ctrl-C ${signal}`
    hold(gate, { nth })
    if (nth === 3) simulator.resetStats()
    const child = startCommand(['extract', LONG], settings(simulator, folder))
    const end = ended(child)
    await simulator.gates.whenWaiting(gate)
    await until('a page to be stored', async () => (await stored(folder, LONG)).rows > 0 || undefined)
    child.kill(signal)
    const { status, stderr } = readable(await end)
    letGo(gate)
    assert.equal(status, 4)
    assert.match(stderr, /long@example\.com: paused/)
  }
  const { status } = await run(['extract', LONG], settings(simulator, folder))
  assert.equal(status, 0)
  await assertPerfectCopy(simulator, folder, LONG)
  const { repeated } = simulator.stats().pages
  assert.ok(repeated <= 4 * 2, `${repeated} pages fetched again`)
})

test('a mailbox that cannot be copied ends extract with 1 and the reason, and the others are copied', async () => {
  using folder = new TempFolder()
  const args = ['extract', 'onprem@contoso.example', USER, '--json']
  const { status, stdout, stderr } = await run(args, settings(simulator, folder))
  assert.equal(status, 1)
  assert.match(stderr, /onprem@contoso\.example: failed \(.*licence.*\)/)
  const records = JSON.parse(stdout) as StatusRecord[]
  assert.deepEqual(
    records.map(({ error_code }) => error_code),
    ['mailbox_unavailable', null],
  )
  await assertPerfectCopy(simulator, folder, USER)
})

test('bad usage is named in a line and ends with 2, and nothing is begun', async () => {
  using folder = new TempFolder()
  const env = settings(simulator, folder)
  const cases: [args: string[], expected: RegExp][] = [
    [['nonsense'], /unknown command 'nonsense'/],
    [['extract', '--nonsense', USER], /unknown option '--nonsense'/],
    [['extract'], /missing required argument 'upn'/],
    [['extract', USER, '--body', 'xml'], /'xml' is invalid. Use html, text or both/],
    [['extract', USER, 'no-address'], /"no-address" is not an e-mail address/],
    [['status'], /missing required argument 'id'/],
    [['status', '..'], /"\.\." cannot be an id/],
    [['pause', 'a/b'], /connection_id: must be/],
    [['serve', 'now'], /too many arguments/],
    [['simulator', '--port', 'x'], /--port cannot be 'x'/],
  ]
  const check = async ([args, expected]: (typeof cases)[number]) => {
    const { status, stdout, stderr } = await run(args, env)
    assert.equal(status, 2, args.join(' '))
    assert.equal(stdout, '')
    assert.match(stderr, expected)
    assert.ok(stderr.split('\n').length <= 3, stderr)
  }
  await Promise.all(cases.map(check))
  assert.equal((await run(['status', USER], env)).stdout, `${USER}: not started\n`)
})

test('an app that is not configured is named with its variables, and ends with 2', async () => {
  using folder = new TempFolder()
  const { status, stderr } = await run(['extract', USER], { ...settings(simulator, folder), ...NO_TENANT })
  assert.equal(status, 2)
  for (const variable of Object.keys(NO_TENANT)) assert.match(stderr, new RegExp(`\\(${variable}\\)`))
})

test('status, pause, continue, cancel and result find the service that runs, on whatever port', async () => {
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  const command = (...args: string[]) => run(args, { ...settings(simulator, folder), PORT: '1', ...NO_TENANT })
  hold('served')
  await service.client.start('c', { user_upn: LONG })
  await simulator.gates.whenWaiting('served')

  assert.match((await command('status', 'c')).stdout, /^c: in progress\n {2}mailbox {4}long@example\.com\n/)
  assert.match((await command('pause', 'c')).stdout, /^c: paus(ing|ed)\n$/)
  await untilStatus(service.client, 'c', 'paused')
  assert.equal((await command('status', 'c')).status, 4)
  assert.equal((await command('result', 'c')).status, 1, 'there is no result yet')
  assert.match((await command('continue', 'c')).stdout, /^c: (queued|in progress)\n$/)
  assert.match((await command('cancel', 'c', '--json')).stdout, /^\{"connection_id":"c",.*"status":"cancel(ling|led)"/)
  await untilStatus(service.client, 'c', 'cancelled')
  const refused = await command('continue', 'c')
  assert.equal(refused.status, 1)
  assertOneLine(refused, /cannot be resumed/)
  letGo('served')
})

test('a batch is shown, paused, continued and its result printed by its id', async () => {
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  const command = (...args: string[]) => run(args, settings(simulator, folder))
  hold('batch')
  const { batch_id } = await service.client.startBatch({ user_upns: [LONG, USER] })
  await simulator.gates.whenWaiting('batch')

  assert.equal((await command('result', batch_id)).status, 1)
  assert.equal((await command('pause', batch_id)).status, 0)
  await untilStatus(service.client, `${batch_id}:${LONG}`, 'paused')
  letGo('batch')
  assert.equal((await command('continue', batch_id)).status, 0)
  for (const upn of [LONG, USER]) await untilStatus(service.client, `${batch_id}:${upn}`, 'completed')
  const { status, stdout } = await command('status', batch_id)
  assert.equal(status, 0)
  assert.match(stdout, /: completed\n {2}mailboxes {2}2 of 2 done, 0 to go\n/)
  const result = await command('result', batch_id)
  assert.deepEqual(JSON.parse(result.stdout).processed_users, [LONG, USER])
})

test('with no service running the same commands work on what a killed one left behind', async () => {
  using folder = new TempFolder()
  const command = (...args: string[]) => run(args, settings(simulator, folder))
  const service = await Service.start(simulator, folder)
  hold('killed', { nth: 2 })
  await service.client.start('c', { user_upn: LONG })
  await simulator.gates.whenWaiting('killed')
  await until('a page to be stored', async () => (await stored(folder, LONG)).rows > 0 || undefined)
  await service.stop('SIGKILL')
  letGo('killed')

  assert.match((await command('status', 'c')).stdout, /^c: queued\n/, 'nobody works on it')
  assert.equal((await command('pause', 'c')).stdout, 'c: paused\n', 'there is no worker to wait for')
  assert.equal((await command('status', 'c')).status, 4)
  assert.equal((await command('continue', 'c')).stdout, 'c: queued\n')
  const partial = await command('result', 'c', '--partial', '--json')
  assert.equal(partial.stdout.trim().split('\n').length, (await stored(folder, LONG)).live.size)
  assert.equal((await command('cancel', 'c')).stdout, 'c: cancelled\n')
})

test('an id that nobody knows ends with 1 and says so', async () => {
  using folder = new TempFolder()
  const unknown = async (command: string, id: string, expected: RegExp) => {
    const { status, stdout, stderr } = await run([command, id], settings(simulator, folder))
    assert.equal(status, 1)
    assert.match(stdout + stderr, expected)
  }
  await Promise.all([
    ...['pause', 'result'].map((command) => unknown(command, 'nobody', /No extraction was ever started .* "nobody"/)),
    ...['status', 'cancel', 'result'].map((command) =>
      unknown(command, 'batch_none', /There is no batch "batch_none"/),
    ),
    unknown('status', 'nobody', /^nobody: not started\n$/),
  ])
})

test('result ends quietly when its reader has seen enough, and says when the output cannot be written', async () => {
  using folder = new TempFolder()
  const env = settings(simulator, folder)
  await run(['extract', LONG], env)
  const child = startCommand(['result', LONG, '--json'], env)
  child.stdout?.once('data', () => child.stdout?.destroy())
  const { status, stderr } = await ended(child)
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })

  const full = openSync('/dev/full', 'w')
  try {
    const refused = spawn(process.execPath, [MAIN, 'result', LONG], { env, stdio: ['ignore', full, 'pipe'] })
    const result = readable(await ended(refused))
    assert.equal(result.status, 1)
    assertOneLine(result, /the output cannot be written \(ENOSPC\)/)
  } finally {
    closeSync(full)
  }
})

test('extract goes on when nobody reads its progress any more', async () => {
  using folder = new TempFolder()
  hold('unread')
  const child = startCommand(['extract', LONG, '--json'], settings(simulator, folder))
  const end = ended(child)
  await simulator.gates.whenWaiting('unread')
  child.stderr?.destroy()
  letGo('unread')
  assert.equal((await end).status, 0)
  await assertPerfectCopy(simulator, folder, LONG)
})

test('when the service that copies for extract ends, however it ends, extract copies the rest itself', async () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    using folder = new TempFolder()
    const service = await Service.start(simulator, folder)
    const gate = `handed over ${signal}`
    hold(gate, { nth: 2 })
    const end = ended(startCommand(['extract', LONG], settings(simulator, folder)))
    await simulator.gates.whenWaiting(gate)
    await service.stop(signal)
    letGo(gate)
    assert.equal(readable(await end).status, 0)
    await assertPerfectCopy(simulator, folder, LONG)
  }
})

test('two extracts at once on one database both end with what they were asked for', async () => {
  using folder = new TempFolder()
  const env = settings(simulator, folder)
  const results = await Promise.all([run(['extract', USER], env), run(['extract', LONG], env)])
  assert.deepEqual(
    results.map(({ status }) => status),
    [0, 0],
  )
  await assertPerfectCopy(simulator, folder, USER)
  await assertPerfectCopy(simulator, folder, LONG)
})

test('the help of every command gives examples and exit statuses', async () => {
  const commands = ['serve', 'extract', 'status', 'pause', 'continue', 'cancel', 'result', 'demo', 'simulator']
  const check = async (args: string[]) => {
    const { status, stdout, stderr } = await run([...args, '--help'], { PATH: process.env.PATH })
    assert.equal(status, 0)
    assert.equal(stderr, '')
    assert.match(stdout, /^Examples:\n {2}\S/m, args.join())
    assert.match(stdout, /^Exit status:\n {2}0 {2}\S/m, args.join())
  }
  await Promise.all([[], ...commands.map((command) => [command])].map(check))
})

test('a second serve on the same database says who has it and ends with 1; the first is unharmed', async () => {
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  const second = await run(['serve'], settings(simulator, folder))
  assert.equal(second.status, 1)
  assertOneLine(second, new RegExp(`in use by process \\d+, which answers at ${service.url}`))
  assert.equal((await service.client.health()).status, 'ok')
  await service.client.start('c', { user_upn: USER })
  await untilStatus(service.client, 'c', 'completed')
})

test('a port that is taken is one line that names PORT, and ends with 1', async () => {
  using folder = new TempFolder()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  try {
    const { port } = other.address() as AddressInfo
    const env = { ...settings(simulator, folder), PORT: String(port) }
    const result = await run(['serve'], env)
    assert.equal(result.status, 1)
    assertOneLine(result, new RegExp(`Port ${port} of 127.0.0.1 is taken by another program: .* set PORT`))
  } finally {
    other.close()
  }
})

test('settings that cannot be used are all named at once, a line each, and end with 2', async () => {
  const bad = {
    DATABASE_URL: 'mysql:mail',
    BLOB_STORE: 's3://bucket',
    HOST: '0.0.0.0',
    PORT: 'abc',
    MAILBOX_CONCURRENCY: '0',
    SECRET_KEY: 'short',
    OUTLOOK_GRAPH_URL: 'http://graph.example',
    LOG_LEVEL: 'loud',
  }
  const { status, stdout, stderr } = await run(['serve'], { PATH: process.env.PATH, ...bad })
  assert.equal(status, 2)
  assert.equal(stdout, '')
  const [heading, ...problems] = stderr.trim().split('\n')
  assert.match(heading ?? '', /^outlookmail: Settings that cannot be used/)
  assert.deepEqual(problems.map((line) => line.trim().split(' ')[0]).sort(), Object.keys(bad).sort())

  const noDatabase = await run(['status', 'c'], { PATH: process.env.PATH, DATABASE_URL: 'postgres://ann:secret@db' })
  assert.equal(noDatabase.status, 2)
  assertOneLine(noDatabase, /DATABASE_URL must name one database behind the host/)
  assert.doesNotMatch(noDatabase.stderr, /secret/)
})

test('settings are read from .env in the working folder, and the environment wins', async () => {
  using folder = new TempFolder()
  const { PATH, NODE_EXTRA_CA_CERTS, ...rest } = settings(simulator, folder)
  const lines = Object.entries({ ...rest, OUTLOOK_CLIENT_SECRET: 'of the file' }).map(
    ([name, value]) => `${name}='${value}'`,
  )
  writeFileSync(join(folder.path, '.env'), lines.join('\n'))
  const env = { PATH, NODE_EXTRA_CA_CERTS, OUTLOOK_CLIENT_SECRET: simulator.clientSecret }
  const { status } = readable(await ended(startCommand(['extract', USER], env, folder.path)))
  assert.equal(status, 0)
  await assertPerfectCopy(simulator, folder, USER)
})
