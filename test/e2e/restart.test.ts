import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectCopy, stored } from '../support/copies.ts'
import { Service, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const MAILBOX = 'long@example.com'
const KILLS = 50
/** Pages asked for and not yet stored, at most. */
const PAGES_AT_RISK = 4

test('killed between any two pages, fifty times in a row, the copy is still perfect', async () => {
  // Bodies of 30 kB keep the pages at 100 messages, so that every kill falls between two of some sixty pages.
  await using simulator = await startSimulator({
    demo: false,
    mailboxes: [{ name: MAILBOX, messages: 6_000, bodyBytes: 30_000 }],
  })
  using folder = new TempFolder()
  // Each process gets one page; the next one is held until the process is dead.
  const holdSecondPage = (gate: string) => {
    simulator.faults.clear()
    simulator.faults.add({ match: { kind: 'delta', nth: 2 }, effect: { gate } })
  }
  holdSecondPage('kill 1')
  let service = await Service.start(simulator, folder)
  await service.client.start('c', { user_upn: MAILBOX })

  let lastRows = 0
  for (let kill = 1; kill <= KILLS; kill++) {
    await simulator.gates.whenWaiting(`kill ${kill}`)
    // Every other time the page before has time to be stored; else the process dies while it is at it.
    const isStored = async () => stored(folder, MAILBOX).rows > lastRows || undefined
    if (kill % 2 === 0) await until('a page to be stored', isStored)
    await service.stop('SIGKILL')
    const { rows } = stored(folder, MAILBOX)
    assert.ok(rows >= lastRows, 'what was stored stays stored')
    lastRows = rows
    simulator.gates.open(`kill ${kill}`)
    holdSecondPage(`kill ${kill + 1}`)
    service = await Service.start(simulator, folder)
  }

  simulator.gates.open(`kill ${KILLS + 1}`)
  simulator.faults.clear()
  await untilStatus(service.client, 'c', 'completed')
  await service.stop()
  assertPerfectCopy(simulator, folder, MAILBOX)
  const { repeated } = simulator.stats().pages
  assert.ok(repeated <= PAGES_AT_RISK * KILLS, `${repeated} pages fetched again`)
})

test('after a restart running work goes on, paused work stays paused, cancelled work stays cancelled', async () => {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  const names = ['adele.vance@contoso.example', 'alex.wilber@contoso.example', 'info@contoso.example'] as const
  const [running, paused, cancelled] = names
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await using service = await Service.start(simulator, folder)
    simulator.faults.add({ match: { kind: 'delta' }, effect: { gate: signal } })
    for (const name of names) await service.client.start(`${signal} ${name}`, { user_upn: name })
    await simulator.gates.whenWaiting(signal, names.length)
    await service.client.pause(`${signal} ${paused}`)
    await untilStatus(service.client, `${signal} ${paused}`, 'paused')
    await service.client.cancel(`${signal} ${cancelled}`)
    await untilStatus(service.client, `${signal} ${cancelled}`, 'cancelled')
    await service.stop(signal)
    simulator.faults.clear()
    simulator.gates.open(signal)

    await using next = await Service.start(simulator, folder)
    await untilStatus(next.client, `${signal} ${running}`, 'completed')
    await untilStatus(next.client, `${signal} ${paused}`, 'paused')
    await untilStatus(next.client, `${signal} ${cancelled}`, 'cancelled')
    await next.client.continue(`${signal} ${paused}`)
    await untilStatus(next.client, `${signal} ${paused}`, 'completed')
    await next.stop()
  }
  assertPerfectCopy(simulator, folder, running)
  assertPerfectCopy(simulator, folder, paused)
})

test('a client secret that came with the request is there after a restart, and nowhere in clear', async () => {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  const without = { TENANT_ID: '', OUTLOOK_CLIENT_ID: '', OUTLOOK_CLIENT_SECRET: '' }
  const first = await Service.start(simulator, folder, without)
  simulator.faults.add({ match: { kind: 'delta' }, effect: { gate: 'hold' } })
  await first.client.start('c', {
    user_upn: 'user@example.com',
    config: {
      tenant_id: simulator.tenantId,
      outlook_client_id: simulator.clientId,
      outlook_client_secret: simulator.clientSecret,
    },
  })
  await simulator.gates.whenWaiting('hold')
  await first.stop('SIGKILL')
  assert.deepEqual(filesThatHold(folder, simulator.clientSecret), [])

  simulator.faults.clear()
  simulator.gates.open('hold')
  await using second = await Service.start(simulator, folder, without)
  await untilStatus(second.client, 'c', 'completed')
  assertPerfectCopy(simulator, folder, 'user@example.com')
})

test('with another SECRET_KEY the stored secret cannot be read, and the extraction says so', async () => {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  const key = (letter: string) => ({
    SECRET_KEY: Buffer.alloc(32, letter).toString('base64'),
    OUTLOOK_CLIENT_SECRET: '',
  })
  const first = await Service.start(simulator, folder, key('a'))
  simulator.faults.add({ match: { kind: 'delta' }, effect: { gate: 'hold' } })
  await first.client.start('c', {
    user_upn: 'user@example.com',
    config: { outlook_client_secret: simulator.clientSecret },
  })
  await simulator.gates.whenWaiting('hold')
  await first.stop('SIGKILL')
  simulator.gates.open('hold')

  await using second = await Service.start(simulator, folder, key('b'))
  const record = await untilStatus(second.client, 'c', 'failed')
  assert.equal(record.error_code, 'secret_key_changed')
})

function filesThatHold(folder: TempFolder, text: string): string[] {
  return readdirSync(folder.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text))
    .map(({ name }) => name)
}
