import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectCopy, stored } from '../support/copies.ts'
import { aPlace, onEachDatabase } from '../support/place.ts'
import { Service } from '../support/service.ts'
import { untilStatus } from '../support/wait.ts'

const MAILBOX = 'long@example.com'
const PAGE = 100

/** One folder of a few hundred messages in pages of 100: a chain short enough to stop it at each of its pages. */
function aWorld() {
  return startSimulator({ demo: false, mailboxes: [{ name: MAILBOX, messages: 5 * PAGE, bodyBytes: 12_000 }] })
}

onEachDatabase((database) => {
  test('pause and continue at every page lose nothing and store nothing twice', async () => {
    await using simulator = await aWorld()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    for (let point = 1; point <= 5; point++) {
      // One page gets through, all others are held until the run has stopped.
      const gate = `page ${point}`
      simulator.faults.clear()
      simulator.faults.add({ match: { kind: 'delta' }, effect: { gate } })
      if (point === 1) await service.client.start('c', { user_upn: MAILBOX })
      else assert.match((await service.client.continue('c')).status, /^(queued|in_progress)$/)
      await simulator.gates.whenWaiting(gate)
      simulator.gates.release(gate)
      await simulator.gates.whenWaiting(gate)
      assert.match((await service.client.pause('c')).status, /^paus(ing|ed)$/)
      assert.match((await service.client.pause('c')).status, /^paus(ing|ed)$/, 'repeating is harmless')
      await untilStatus(service.client, 'c', 'paused')

      const held = (await stored(place, MAILBOX)).rows
      simulator.gates.open(gate)
      assert.equal((await stored(place, MAILBOX)).rows, held, 'a paused run writes nothing')
    }
    simulator.faults.clear()
    await service.client.continue('c')
    await untilStatus(service.client, 'c', 'completed')
    await assertPerfectCopy(simulator, place, MAILBOX)
  })

  test('cancel at any page ends at once, keeps what is stored, and a new run fetches only the rest', async () => {
    await using simulator = await aWorld()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    for (let nth = 1; nth <= 4; nth++) {
      simulator.faults.clear()
      simulator.faults.add({ match: { kind: 'delta', nth }, effect: { gate: `cancel ${nth}` } })
      await service.client.start('c', { user_upn: MAILBOX })
      await simulator.gates.whenWaiting(`cancel ${nth}`)
      await service.client.cancel('c')
      await untilStatus(service.client, 'c', 'cancelled')
      assert.equal((await service.client.cancel('c')).status, 'cancelled', 'repeating is harmless')
      await assert.rejects(service.client.continue('c'), { statusCode: 409, message: /cannot be resumed/ })
      await assert.rejects(service.client.pause('c'), { statusCode: 409 })
    }
    const kept = (await stored(place, MAILBOX)).rows
    simulator.faults.clear()
    await service.client.start('c', { user_upn: MAILBOX })
    const record = await untilStatus(service.client, 'c', 'completed')
    assert.ok(record.progress.messages_stored <= 5 * PAGE - kept)
    await assertPerfectCopy(simulator, place, MAILBOX)
  })

  test('a wait that Graph asks for ends at once when the run is paused', async () => {
    await using simulator = await aWorld()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    simulator.faults.add({
      match: { kind: 'delta' },
      effect: { status: 429, code: 'TooManyRequests', headers: { 'Retry-After': '3600' } },
    })
    await service.client.start('c', { user_upn: MAILBOX })
    while ((simulator.stats().by_status['429'] ?? 0) === 0) await service.client.status('c')
    await service.client.pause('c')
    await untilStatus(service.client, 'c', 'paused')
  })

  test('what is done to an extraction that is not there, or has ended, is refused with the reason', async () => {
    await using simulator = await aWorld()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    for (const move of ['pause', 'continue', 'cancel'] as const) {
      await assert.rejects(service.client.move(move, 'nobody'), { statusCode: 404, code: 'extraction_not_found' })
    }
    assert.deepEqual(await service.client.status('nobody'), { connection_id: 'nobody', status: 'not_started' })

    await service.client.start('c', { user_upn: MAILBOX })
    await assert.rejects(service.client.start('c', { user_upn: MAILBOX }), {
      statusCode: 409,
      code: 'extraction_active',
    })
    await untilStatus(service.client, 'c', 'completed')
    for (const move of ['pause', 'continue', 'cancel'] as const) {
      await assert.rejects(service.client.move(move, 'c'), { statusCode: 409, code: 'move_refused' })
    }
    await assert.rejects(service.client.start('c', { user_upn: 'other@example.com' }), {
      statusCode: 409,
      code: 'connection_bound',
    })
  })
})
