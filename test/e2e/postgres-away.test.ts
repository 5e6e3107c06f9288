import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectCopy, stored } from '../support/copies.ts'
import { PostgresPlace } from '../support/place.ts'
import { PostgresServer } from '../support/postgres.ts'
import { runCommand, Service, settings } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const LONG = 'long@example.com'

test('while the database server is away the service says so; once it is back the run goes on by itself', async () => {
  await using server = await PostgresServer.start()
  await using simulator = await startSimulator({
    demo: false,
    mailboxes: [{ name: LONG, messages: 500, bodyBytes: 12_000 }],
  })
  await using place = await PostgresPlace.create(server)
  await using service = await Service.start(simulator, place, { LOG_LEVEL: 'warn' })
  simulator.faults.add({ match: { kind: 'delta', nth: 3 }, effect: { gate: 'middle' } })
  await service.client.start('c', { user_upn: LONG })
  await simulator.gates.whenWaiting('middle')
  await until('the first mail', async () => (await stored(place, LONG)).rows || undefined)

  await server.stop()
  simulator.gates.open('middle')
  const refusal = { statusCode: 503, code: 'database_unavailable', message: /see that the server runs/ }
  await assert.rejects(service.client.status('c'), refusal)
  await assert.rejects(service.client.start('other', { user_upn: LONG }), refusal)
  assert.equal((await service.client.health()).status, 'ok')
  const ready = await fetch(`${service.url}/ready`)
  const { status, code } = (await ready.json()) as { status: string; code: string }
  assert.deepEqual([ready.status, status, code], [503, 'not_ready', 'database_unavailable'])
  await until('the run to meet it', async () => {
    await service.client.health()
    return /extraction waits for the database/.test(service.output) || undefined
  })

  await server.restart()
  await untilStatus(service.client, 'c', 'completed')
  await assertPerfectCopy(simulator, place, LONG)
  assert.ok(!service.output.includes(new URL(place.databaseUrl).password), 'the log names no secret')
})

test('a service whose database server is away can be stopped', async () => {
  await using server = await PostgresServer.start()
  await using simulator = await startSimulator({ demo: false, mailboxes: [{ name: LONG, messages: 500 }] })
  await using place = await PostgresPlace.create(server)
  await using service = await Service.start(simulator, place)
  simulator.faults.add({ match: { kind: 'delta' }, effect: { gate: 'first' } })
  await service.client.start('c', { user_upn: LONG })
  await simulator.gates.whenWaiting('first')
  await server.stop()
  assert.equal(await service.stop(), 0)
  await server.restart() // so that the database of the test can be dropped
})

const SECRET = 'hunter2hunter2'

/** What may be wrong with an address that is right but for this. */
const WRONG_ADDRESSES: [what: string, wrong: Partial<URL>, expected: RegExp][] = [
  ['a port where nobody listens', { port: '1', password: SECRET }, /does not answer: see that the server runs/],
  ['a host that is not there', { hostname: 'no-such-host.invalid', password: SECRET }, /does not answer: see that the/],
  ['a wrong password', { password: SECRET }, /refuses the login: check user and password in DATABASE_URL/],
  ['a database that is not there', { pathname: '/not_there' }, /is not there: create it, or name another one/],
]

for (const [what, wrong, expected] of WRONG_ADDRESSES) {
  test(`a DATABASE_URL with ${what} is said in one line, and nothing starts`, async () => {
    await using simulator = await startSimulator({ demo: false })
    await using place = await PostgresPlace.create()
    const { href } = Object.assign(new URL(place.databaseUrl), wrong)
    const { status, stdout, stderr } = await runCommand(['serve'], {
      ...settings(simulator, place),
      DATABASE_URL: href,
    })
    assert.deepEqual([status, stdout], [1, ''])
    assert.match(stderr, expected)
    assert.match(stderr, /^outlookmail: [^\n]+\n$/, 'one line')
    assert.ok(!stderr.includes(SECRET), 'without the password')
  })
}
