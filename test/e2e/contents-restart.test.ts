import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectContents, storedContents } from '../support/contents.ts'
import { assertPerfectCopy } from '../support/copies.ts'
import { Service, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const MAILBOX = 'files@example.com'
const KILLS = 50
/** As many as Graph answers at once for one mailbox. */
const IN_FLIGHT = 4

test('killed in the middle of attachments, fifty times in a row, none is lost and none but those in flight fetched again', async () => {
  const messages = 300
  await using simulator = await startSimulator({
    demo: false,
    mailboxes: [{ name: MAILBOX, messages, attachments: { every: 1, minBytes: 40_000, maxBytes: 60_000 } }],
  })
  using folder = new TempFolder()
  // Every process gets some whole; every third one stops in the middle until the process is dead.
  const holdEveryThird = (gate: string) => {
    simulator.faults.clear()
    simulator.faults.add({ match: { kind: 'attachment_content', every: 3 }, effect: { gate, gate_after: 20_000 } })
  }
  holdEveryThird('kill 1')
  let service = await Service.start(simulator, folder)
  await service.client.start('c', { user_upn: MAILBOX })
  let lastStored = 0
  for (let kill = 1; kill <= KILLS; kill++) {
    await simulator.gates.whenWaiting(`kill ${kill}`)
    // Every other time one of them has time to be stored; else the process dies while it is at it.
    const isStored = async () => (await storedContents(folder)) > lastStored || undefined
    if (kill % 2 === 0) await until('an attachment to be stored', isStored)
    await service.stop('SIGKILL')
    const contents = await storedContents(folder)
    assert.ok(contents >= lastStored, 'what was stored stays stored')
    lastStored = contents
    simulator.gates.open(`kill ${kill}`)
    holdEveryThird(`kill ${kill + 1}`)
    service = await Service.start(simulator, folder)
  }
  simulator.gates.open(`kill ${KILLS + 1}`)
  simulator.faults.clear()
  const record = await untilStatus(service.client, 'c', 'completed')
  await service.stop()
  await assertPerfectCopy(simulator, folder, MAILBOX)
  await assertPerfectContents(simulator, folder, MAILBOX)
  assert.equal(record.progress.attachments_stored, messages)
  const { attachment_content = 0 } = simulator.stats().by_kind
  assert.ok(attachment_content <= messages + IN_FLIGHT * KILLS, `${attachment_content} attachments fetched`)
})

test('a pause in the middle of a large attachment ends it there, and continuing fetches it whole', async () => {
  await using simulator = await startSimulator({
    demo: false,
    mailboxes: [{ name: MAILBOX, odd: ['large_attachment', 'emoji'] }],
  })
  using folder = new TempFolder()
  simulator.faults.add({ match: { kind: 'attachment_content' }, effect: { gate: 'half', gate_after: 9_000_000 } })
  await using service = await Service.start(simulator, folder)
  await service.client.start('c', { user_upn: MAILBOX })
  await simulator.gates.whenWaiting('half')
  await service.client.pause('c')
  const { progress } = await untilStatus(service.client, 'c', 'paused')
  assert.deepEqual([progress.messages_stored, progress.attachments_stored, progress.attachments_total], [2, 0, 1])

  simulator.faults.clear()
  simulator.gates.open('half')
  await service.client.continue('c')
  await untilStatus(service.client, 'c', 'completed')
  await assertPerfectContents(simulator, folder, MAILBOX)
})
