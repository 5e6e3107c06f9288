import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { assertCountsAddUp, assertPerfectCopy, stored, truth } from '../support/copies.ts'
import { aPlace, onEachDatabase } from '../support/place.ts'
import { Service, TempFolder } from '../support/service.ts'
import { untilStatus } from '../support/wait.ts'

/* Runs that want only mail of some times. */

const MAILBOX = 'alex.wilber@contoso.example'

/** Times between which a third of the mailbox was received, and a tenth within that. */
function someTimes(simulator: Simulator) {
  const times = [...simulator.truth(MAILBOX)]
    .flatMap((line) => (line.type === 'message' && line.received_date_time ? [line.received_date_time] : []))
    .sort()
  const at = (share: number) => times[Math.floor(times.length * share)] ?? ''
  return { oldest: at(0), third: at(0.33), half: at(0.5), sixth: at(0.6), twoThirds: at(0.66) }
}

function between(from: string, before: string) {
  return {
    options: { attachments: 'none' as const, received_after: from, received_before: before },
    asked: { isWanted: (time: string | null) => time !== null && time >= from && time < before },
  }
}

async function run(service: Service, options: object, user_upn = MAILBOX) {
  await service.client.start('c', { user_upn, options })
  return (await untilStatus(service.client, 'c', 'completed')).progress
}

onEachDatabase((database) => {
  test('only mail of the times that are asked for is copied; later runs follow its changes, and widen it without fetching anything twice', async () => {
    await using simulator = await startSimulator()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    const { third, half, sixth, twoThirds } = someTimes(simulator)
    const first = between(half, sixth)
    const copied = await run(service, first.options)
    await assertPerfectCopy(simulator, place, MAILBOX, first.asked)
    const tenth = truth(simulator, MAILBOX, first.asked).size
    assert.equal(copied.messages_stored, tenth)
    assert.equal(copied.messages_total, tenth, 'so that progress tells how far it is')
    assert.equal(copied.percent, 100)
    const report = await service.client.report('c')
    assert.deepEqual([report.complete, report.reasons], [true, []])
    assert.match(report.notes.join(), /Only mail of the times that were chosen/)
    assert.equal(
      report.folders.reduce((sum, folder) => sum + (folder.listed_by_graph ?? 0), 0),
      tenth,
    )

    for (let seed = 0; seed < 5; seed++) simulator.mutate({ user: MAILBOX, type: 'random', seed, count: 40 })
    const changed = await run(service, first.options)
    await assertPerfectCopy(simulator, place, MAILBOX, first.asked)
    assert.ok(changed.messages_stored < 200, `${changed.messages_stored} of 200 changes stored`)

    const wider = between(third, twoThirds)
    const before = (await stored(place, MAILBOX)).live.size
    const widened = await run(service, wider.options)
    await assertPerfectCopy(simulator, place, MAILBOX, wider.asked)
    assert.equal(widened.messages_stored, truth(simulator, MAILBOX, wider.asked).size - before)

    const held = (await stored(place, MAILBOX)).live.size
    const all = await run(service, { attachments: 'none' })
    await assertPerfectCopy(simulator, place, MAILBOX)
    assert.equal(all.messages_stored, truth(simulator, MAILBOX).size - held)
    assert.equal((await service.client.report('c')).complete, false, 'of this mailbox Graph does not list every folder')
    await assertCountsAddUp(place)

    simulator.mutate({ user: MAILBOX, type: 'arrive', folder: 'archive', count: 3 })
    simulator.mutate({ user: MAILBOX, type: 'move', folder: 'inbox', to: 'archive', position: 0, count: 2 })
    simulator.mutate({ user: MAILBOX, type: 'delete', hard: true, folder: 'inbox', position: 4 })
    const again = await run(service, first.options)
    await assertPerfectCopy(simulator, place, MAILBOX) // what was asked for once is kept as it is in the mailbox
    assert.ok(again.messages_stored <= 5, `${again.messages_stored} stored`)
  })
})

test('mail that moves between folders that hold different times stays one message, and is kept up to date', async () => {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  const { twoThirds } = someTimes(simulator)
  const body = { attachments: 'none' as const }
  await run(service, { ...body, folders: { include: ['inbox'] } })
  const since = { ...body, folders: { include: ['archive'] }, received_after: twoThirds }
  await run(service, since)
  const { live } = await stored(folder, MAILBOX)

  simulator.mutate({ user: MAILBOX, type: 'move', folder: 'inbox', to: 'archive', position: 900, count: 3 })
  const both = { ...body, folders: { include: ['inbox', 'archive'] }, received_after: twoThirds }
  await run(service, both)
  const moved = await stored(folder, MAILBOX)
  assert.deepEqual([...moved.live.keys()].sort(), [...live.keys()].sort())
  const wanted = truth(simulator, MAILBOX)
  for (const [id, message] of moved.live) assert.equal(message.folder, wanted.get(id)?.folder)
})

const REFUSED = { status: 400, code: 'InefficientFilter' }

test('a mailbox that refuses ranges is walked from end to end, and only mail of these times is kept', async () => {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  const { half } = someTimes(simulator)
  const since = between(half, '9000-01-01T00:00:00Z')
  simulator.faults.add({ match: { path: 'receivedDateTime%20ge' }, effect: REFUSED })
  await run(service, since.options)
  await assertPerfectCopy(simulator, folder, MAILBOX, since.asked)
  const { complete, reasons } = await service.client.report('c')
  assert.equal(complete, false)
  assert.match(reasons.join(), /Graph has not counted its messages in this run/)

  simulator.faults.clear()
  await run(service, { attachments: 'none' })
  await assertPerfectCopy(simulator, folder, MAILBOX)
})

test('where Graph tracks no changes, the folders are listed, and only mail of these times is kept', async () => {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  const { half, oldest } = someTimes(simulator)
  const until = between(oldest, half)
  simulator.faults.add({ match: { kind: 'delta' }, effect: { status: 403, code: 'ErrorQuotaExceeded' } })
  for (let runs = 0; runs < 2; runs++) {
    await run(service, until.options)
    await assertPerfectCopy(simulator, folder, MAILBOX, until.asked)
    simulator.mutate({ user: MAILBOX, type: 'random', seed: runs, count: 30 })
  }
})

test('a run over everything that was cancelled does not make a later one copy everything', async () => {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  const { half, sixth } = someTimes(simulator)
  const some = between(half, sixth)
  simulator.faults.add({ match: { kind: 'delta', nth: 6 }, effect: { gate: 'too much' } })
  await service.client.start('c', { user_upn: MAILBOX, options: { attachments: 'none' } })
  await simulator.gates.whenWaiting('too much')
  await service.client.cancel('c')
  simulator.gates.open('too much')
  await untilStatus(service.client, 'c', 'cancelled')
  const before = (await stored(folder, MAILBOX)).live

  await run(service, some.options)
  const { live } = await stored(folder, MAILBOX)
  const wanted = truth(simulator, MAILBOX, some.asked)
  assert.deepEqual(
    [...wanted.keys()].filter((id) => !live.has(id)),
    [],
  )
  assert.deepEqual(
    [...live.keys()].filter((id) => !wanted.has(id) && !before.has(id)),
    [],
  )
})

test('killed at any page of a run over some times, the copy is perfect in the end', async () => {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  const { third, twoThirds } = someTimes(simulator)
  const some = between(third, twoThirds)
  let service = await Service.start(simulator, folder)
  for (let stop = 0; stop < 6; stop++) {
    simulator.faults.clear()
    simulator.faults.add({ match: { path: 'messages', nth: 8 }, effect: { gate: `stop ${stop}` } })
    if (stop === 0) await service.client.start('c', { user_upn: MAILBOX, options: some.options })
    await simulator.gates.whenWaiting(`stop ${stop}`)
    await service.stop('SIGKILL')
    simulator.gates.open(`stop ${stop}`)
    service = await Service.start(simulator, folder)
  }
  simulator.faults.clear()
  await untilStatus(service.client, 'c', 'completed')
  await assertPerfectCopy(simulator, folder, MAILBOX, some.asked)
  await service.stop()
})
