import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectCopy } from '../support/copies.ts'
import { aPlace, onEachDatabase } from '../support/place.ts'
import { type Place, Service } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

/** On Postgres a lost worker is replaced after some ten seconds: there it dies less often, with more mailboxes in its hands. */
const DEATHS = {
  sqlite: { kills: 50, mailboxes: 1, messages: 3_600 },
  postgres: { kills: 3, mailboxes: 4, messages: 500 },
}
/** Each mailbox has more of them than there are kills, and is too small to be filled by ranges (see fill.test.ts). */
const PAGE = 60
/** Pages of a mailbox asked for and not yet stored, at most. */
const PAGES_AT_RISK = 4

onEachDatabase((database) => {
  const { kills, mailboxes, messages } = DEATHS[database]

  test(`killed between any two pages, ${kills} times in a row, the copy is still perfect`, async () => {
    const users = Array.from({ length: mailboxes }, (_, index) => `long${index}@example.com`)
    await using simulator = await startSimulator({
      demo: false,
      mailboxes: users.map((name) => ({ name, messages, bodyBytes: 3_000 })),
    })
    await using place = await aPlace(database)
    // Each process gets one page of each mailbox; the next one is held until the process is dead.
    const holdSecondPages = (gate: string) => {
      simulator.faults.clear()
      for (const user of users) {
        const path = inboxId(simulator, user) // the other folders are empty
        simulator.faults.add({ match: { user, path, kind: 'delta', nth: 2 }, effect: { gate, short_page: PAGE } })
      }
      simulator.faults.add({ match: { kind: 'delta' }, effect: { short_page: PAGE } })
    }
    const rowsOf = async () => {
      const [row] = await place.query<{ rows: number | string }>('select count(*) as rows from emails')
      return Number(row?.rows)
    }
    holdSecondPages('kill 1')
    let service = await Service.start(simulator, place)
    for (const user of users) await service.client.start(user, { user_upn: user })

    let lastRows = 0
    for (let kill = 1; kill <= kills; kill++) {
      await simulator.gates.whenWaiting(`kill ${kill}`, mailboxes)
      // Every other time a page before has time to be stored; else the process dies while it is at it.
      const isStored = async () => (await rowsOf()) > lastRows || undefined
      if (kill % 2 === 0) await until('a page to be stored', isStored)
      await service.stop('SIGKILL')
      const rows = await rowsOf()
      assert.ok(rows >= lastRows, 'what was stored stays stored')
      lastRows = rows
      simulator.gates.open(`kill ${kill}`)
      holdSecondPages(`kill ${kill + 1}`)
      service = await Service.start(simulator, place)
    }

    simulator.gates.open(`kill ${kills + 1}`)
    simulator.faults.clear()
    for (const user of users) await untilStatus(service.client, user, 'completed')
    await service.stop()
    for (const user of users) await assertPerfectCopy(simulator, place, user)
    const { repeated } = simulator.stats().pages
    assert.ok(repeated <= PAGES_AT_RISK * mailboxes * kills, `${repeated} pages fetched again`)
  })

  test('after a restart running work goes on, paused work stays paused, cancelled work stays cancelled', async () => {
    await using simulator = await startSimulator()
    await using place = await aPlace(database)
    const names = ['adele.vance@contoso.example', 'alex.wilber@contoso.example', 'info@contoso.example'] as const
    const [running, paused, cancelled] = names
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await using service = await Service.start(simulator, place)
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

      await using next = await Service.start(simulator, place)
      await untilStatus(next.client, `${signal} ${running}`, 'completed')
      await untilStatus(next.client, `${signal} ${paused}`, 'paused')
      await untilStatus(next.client, `${signal} ${cancelled}`, 'cancelled')
      await next.client.continue(`${signal} ${paused}`)
      await untilStatus(next.client, `${signal} ${paused}`, 'completed')
      await next.stop()
    }
    await assertPerfectCopy(simulator, place, running)
    await assertPerfectCopy(simulator, place, paused)
  })

  test('a client secret that came with the request is there after a restart, and nowhere in clear', async () => {
    await using simulator = await startSimulator()
    await using place = await aPlace(database)
    const without = { TENANT_ID: '', OUTLOOK_CLIENT_ID: '', OUTLOOK_CLIENT_SECRET: '' }
    const first = await Service.start(simulator, place, without)
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
    assert.deepEqual(filesThatHold(place, simulator.clientSecret), [])
    if (database === 'postgres') {
      assert.deepEqual(await tablesThatHold(place, simulator.clientSecret), [])
      assert.ok((await tablesThatHold(place, 'user@example.com')).includes('public.extractions'), 'and it does look')
    }

    simulator.faults.clear()
    simulator.gates.open('hold')
    await using second = await Service.start(simulator, place, without)
    await untilStatus(second.client, 'c', 'completed')
    await assertPerfectCopy(simulator, place, 'user@example.com')
  })

  test('with another SECRET_KEY the stored secret cannot be read, and the extraction says so', async () => {
    await using simulator = await startSimulator()
    await using place = await aPlace(database)
    const key = (letter: string) => ({
      SECRET_KEY: Buffer.alloc(32, letter).toString('base64'),
      OUTLOOK_CLIENT_SECRET: '',
    })
    const first = await Service.start(simulator, place, key('a'))
    simulator.faults.add({ match: { kind: 'delta' }, effect: { gate: 'hold' } })
    await first.client.start('c', {
      user_upn: 'user@example.com',
      config: { outlook_client_secret: simulator.clientSecret },
    })
    await simulator.gates.whenWaiting('hold')
    await first.stop()
    simulator.gates.open('hold')

    await using second = await Service.start(simulator, place, key('b'))
    const record = await untilStatus(second.client, 'c', 'failed')
    assert.equal(record.error_code, 'secret_key_changed')
  })
})

/** As it stands in a path, where the padding of base64 is encoded. */
function inboxId(simulator: Simulator, user: string): string {
  for (const line of simulator.truth(user)) {
    if (line.type === 'folder' && line.alias === 'inbox') return line.id.replace(/=+$/, '')
  }
  throw new Error('There is no inbox')
}

function filesThatHold(place: Place, text: string): string[] {
  return readdirSync(place.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text))
    .map(({ name }) => name)
}

/** Tables of Postgres with a row in which the text stands; those of the queue too. */
async function tablesThatHold(place: Place, text: string): Promise<string[]> {
  const tables = await place.query<{ name: string }>(
    `select schemaname || '.' || tablename as name from pg_tables where schemaname in ('public', 'pgboss')`,
  )
  const holding: string[] = []
  for (const { name } of tables) {
    const rows = await place.query(`select 1 from ${name} as a where position($1 in a::text) > 0 limit 1`, [text])
    if (rows.length > 0) holding.push(name)
  }
  return holding
}
