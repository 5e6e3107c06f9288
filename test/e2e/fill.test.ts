import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FaultEffect, FaultMatch } from '../../simulator/faults.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectCopy, stored, truth } from '../support/copies.ts'
import { aPlace, onEachDatabase } from '../support/place.ts'
import { type Place, Service, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

/* A folder so large that it is filled by ranges of received times, beside a walk that only notes ids. */

const MAILBOX = 'large@example.com'
const MESSAGES = 4_500
const BODY = { user_upn: MAILBOX, options: { attachments: 'none' } } as const
/** Pages of either kind, but no counts and no single messages. */
const PAGES = String.raw`/messages(/delta)?\?`
const OF_RANGES = 'receivedDateTime%20ge'
/** Of one process, when it dies. */
const PAGES_AT_RISK = 4

function aWorld(folder: { sameSecond?: number } = {}): Promise<Simulator> {
  const folders = [
    { alias: 'inbox', name: 'Inbox', count: MESSAGES, ...folder },
    { alias: 'archive', name: 'Archive' },
  ]
  return startSimulator({ demo: false, mailboxes: [{ name: MAILBOX, messages: MESSAGES, bodyBytes: 300, folders }] })
}

/** Nothing of a fill stays in the database once it is over. */
async function assertNothingLeft(place: Place): Promise<void> {
  const rows = await place.query('select folder_id from ranges union all select folder_id from walked_messages')
  assert.deepEqual(rows, [])
}

onEachDatabase((database) => {
  test('one large folder keeps four requests in flight and is copied whole, and the next run asks for changes only', async () => {
    await using simulator = await aWorld()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    simulator.faults.add({ match: { path: PAGES }, effect: { delay_ms: 200 } })
    await service.client.start('c', BODY)
    const { progress } = await untilStatus(service.client, 'c', 'completed')
    await assertPerfectCopy(simulator, place, MAILBOX)
    assert.equal(progress.messages_stored, MESSAGES)
    const { max_in_flight, violations, requests } = simulator.stats()
    assert.deepEqual([max_in_flight, violations], [4, 0])
    assert.ok(requests < 60, `${requests} requests`)
    await assertNothingLeft(place)

    simulator.mutate({ user: MAILBOX, type: 'arrive', count: 2 })
    await service.client.start('c', BODY)
    const next = await untilStatus(service.client, 'c', 'completed')
    await assertPerfectCopy(simulator, place, MAILBOX)
    assert.ok(next.progress.requests < 15, `${next.progress.requests} requests`)
  })

  test('what arrives, moves, changes and goes while a folder is filled ends up as it is in the mailbox', async () => {
    await using simulator = await aWorld()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    simulator.faults.add({ match: { path: PAGES }, effect: { short_page: 100 } })
    await service.client.start('c', BODY)
    for (let seed = 0; seed < 12; seed++) {
      const wanted = simulator.stats().requests + 4
      await until('more requests', async () => {
        const { status } = await service.client.status('c')
        return simulator.stats().requests >= wanted || status === 'completed' || undefined
      })
      simulator.mutate({ user: MAILBOX, type: 'random', seed, count: 5 })
      simulator.mutate({ user: MAILBOX, type: 'move', to: 'archive', folder: 'inbox', position: seed * 300, count: 2 })
      simulator.mutate({ user: MAILBOX, type: 'delete', hard: true, folder: 'inbox', position: 4_000 - seed * 300 })
    }
    await untilStatus(service.client, 'c', 'completed')
    await service.client.start('c', BODY) // what changed after the last look is for the next run
    await untilStatus(service.client, 'c', 'completed')
    await assertPerfectCopy(simulator, place, MAILBOX)
  })
})

test('killed and paused while a folder is filled, the copy is perfect, and little is fetched again', async () => {
  await using simulator = await aWorld()
  using folder = new TempFolder()
  /** Each process gets three pages; the others are held until it is dead. */
  const hold = (gate: string) => {
    simulator.faults.clear()
    simulator.faults.add({ match: { path: PAGES, times: 3 }, effect: { short_page: 60 } })
    simulator.faults.add({ match: { path: PAGES }, effect: { gate } })
  }
  hold('stop 0')
  let service = await Service.start(simulator, folder)
  await service.client.start('c', BODY)
  const stops = 12
  for (let stop = 0; stop < stops; stop++) {
    await simulator.gates.whenWaiting(`stop ${stop}`)
    const gate = `stop ${stop + 1}`
    if (stop % 3 === 2) {
      await service.client.pause('c')
      await untilStatus(service.client, 'c', 'paused')
      simulator.gates.open(`stop ${stop}`)
      hold(gate)
      await service.client.continue('c')
    } else {
      await service.stop('SIGKILL')
      simulator.gates.open(`stop ${stop}`)
      hold(gate)
      service = await Service.start(simulator, folder)
    }
  }
  simulator.faults.clear()
  simulator.gates.open(`stop ${stops}`)
  await untilStatus(service.client, 'c', 'completed')
  await service.stop()
  await assertPerfectCopy(simulator, folder, MAILBOX)
  await assertNothingLeft(folder)
  const { repeated } = simulator.stats().pages
  assert.ok(repeated <= PAGES_AT_RISK * stops, `${repeated} pages fetched again`)
})

test('thousands of messages within one second are copied too', async () => {
  await using simulator = await aWorld({ sameSecond: 2_500 })
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  simulator.faults.add({ match: { path: PAGES }, effect: { short_page: 150 } })
  await service.client.start('c', BODY)
  await untilStatus(service.client, 'c', 'completed')
  await assertPerfectCopy(simulator, folder, MAILBOX)
  const { requests } = simulator.stats()
  assert.ok(requests < 150, `${requests} requests`)
})

const REFUSED = { status: 400, code: 'InefficientFilter' }
for (const [what, match, effect] of [
  ['a mailbox that refuses ranges from the beginning is walked from end to end', { path: OF_RANGES }, REFUSED],
  ['a mailbox that refuses ranges in the middle is walked from end to end', { path: OF_RANGES, nth: 5 }, REFUSED],
  [
    'where Graph tracks no changes the folder is listed',
    { kind: 'delta' },
    { status: 403, code: 'ErrorQuotaExceeded' },
  ],
  [
    'links that die meanwhile begin the walk by ids anew, and nothing is lost',
    { kind: 'delta', nth: 4 },
    { status: 410 },
  ],
] satisfies [string, FaultMatch, FaultEffect][]) {
  test(what, async () => {
    await using simulator = await aWorld()
    using folder = new TempFolder()
    await using service = await Service.start(simulator, folder)
    simulator.faults.add({ match, effect })
    await service.client.start('c', BODY)
    await untilStatus(service.client, 'c', 'completed')
    await assertPerfectCopy(simulator, folder, MAILBOX)
    await assertNothingLeft(folder)
  })
}

test('a folder that is deleted while it is filled takes its mail along', async () => {
  const folders = [
    { alias: 'inbox', name: 'Inbox', count: 20 },
    { name: 'Large', count: MESSAGES },
  ]
  await using simulator = await startSimulator({
    demo: false,
    mailboxes: [{ name: MAILBOX, messages: MESSAGES, bodyBytes: 300, folders }],
  })
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  simulator.faults.add({ match: { path: OF_RANGES, nth: 6 }, effect: { gate: 'deleted' } })
  await service.client.start('c', BODY)
  await simulator.gates.whenWaiting('deleted')
  simulator.mutate({ user: MAILBOX, type: 'delete_folder', folder: 'Large' })
  simulator.gates.open('deleted')
  await untilStatus(service.client, 'c', 'completed')
  await assertNothingLeft(folder)
  await service.client.start('c', BODY)
  await untilStatus(service.client, 'c', 'completed')
  await assertPerfectCopy(simulator, folder, MAILBOX)
})

test('a message that breaks the page of its range is stepped over and goes to the ledger', async () => {
  await using simulator = await aWorld()
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  const ids = [...truth(simulator, MAILBOX).keys()]
  const poison = [ids[0], ids[2_000], ids[4_499]].filter((id) => id !== undefined)
  simulator.faults.add({ effect: { poison, status: 500, code: 'ErrorContentConversionFailed' } })
  await service.client.start('c', BODY)
  const { progress } = await untilStatus(service.client, 'c', 'completed')
  assert.equal(progress.messages_skipped, poison.length)
  const { live } = await stored(folder, MAILBOX)
  assert.deepEqual([...live.keys()].sort(), ids.filter((id) => !poison.includes(id)).sort())
})
