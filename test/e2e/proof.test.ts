import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectCopy, stored, truth } from '../support/copies.ts'
import { Service, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const MAILBOX = 'juergen.mueller@contoso.example'

interface World {
  simulator: Simulator
  folder: TempFolder
  service: Service
  copy(connectionId?: string, mailbox?: string): ReturnType<typeof untilStatus>
}

async function inAWorld(work: (world: World) => Promise<void>): Promise<void> {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  const copy = async (connectionId = 'c', mailbox = MAILBOX) => {
    await service.client.start(connectionId, { user_upn: mailbox })
    return untilStatus(service.client, connectionId, 'completed')
  }
  await work({ simulator, folder, service, copy })
}

/** Some messages of the Inbox, by immutable id. */
function someOfInbox(simulator: Simulator, mailbox: string, count: number): string[] {
  const lines = [...simulator.truth(mailbox)]
  const inbox = lines.find((line) => line.type === 'folder' && line.alias === 'inbox')
  return lines
    .filter((line) => line.type === 'message' && line.folder_id === inbox?.id)
    .slice(7, 7 + count)
    .map((line) => line.id)
}

function poison(simulator: Simulator, ids: string[]): void {
  const effect = { poison: ids, status: 500, code: 'ErrorContentConversionFailed' }
  simulator.faults.add({ match: { kind: 'delta' }, effect })
  simulator.faults.add({ match: { kind: 'messages' }, effect })
  simulator.faults.add({ match: { kind: 'message' }, effect })
}

test('a run that completes proves it, folder by folder', () =>
  inAWorld(async ({ simulator, service, copy }) => {
    const record = await copy()
    const report = await service.client.report('c')
    assert.deepEqual(report.reasons, [])
    assert.equal(report.complete, true)
    const held = report.folders.reduce((sum, folder) => sum + folder.held, 0)
    assert.equal(held, truth(simulator, MAILBOX).size)
    for (const folder of report.folders) assert.equal(folder.listed_by_graph, folder.held, folder.path)
    const { messages_listed, messages_stored, messages_unchanged, messages_removed, messages_skipped } = record.progress
    assert.equal(messages_listed, messages_stored + messages_unchanged + messages_removed + messages_skipped)
  }))

test('mail in a folder that Graph does not list is counted, and is a reason against completeness', () =>
  inAWorld(async ({ service, copy }) => {
    const mailbox = 'adele.vance@contoso.example' // has a folder of the class IPF.Imap with 5 messages
    await copy('c', mailbox)
    const { complete, reasons } = await service.client.report('c')
    assert.equal(complete, false)
    assert.equal(reasons.length, 1)
    assert.match(reasons.join(), /^Graph counts 5 messages in the mailbox that are in none of the folders it lists/)

    await copy('c', mailbox)
    assert.match((await service.client.report('c')).reasons.join(), /^Graph counts 5 messages/, 'nor a run later')
  }))

test('a message that breaks every page it is on goes to the ledger, and everything else is copied', () =>
  inAWorld(async ({ simulator, folder, service, copy }) => {
    const bad = someOfInbox(simulator, MAILBOX, 2)
    poison(simulator, bad)
    const record = await copy()
    assert.equal(record.progress.messages_skipped, 2)
    const { live } = await stored(folder, MAILBOX)
    const missing = [...truth(simulator, MAILBOX).keys()].filter((id) => !live.has(id))
    assert.deepEqual(missing.sort(), [...bad].sort())

    const entries = []
    for await (const entry of service.client.skipped('c')) entries.push(entry)
    assert.deepEqual(entries.map((entry) => entry.message_id).sort(), [...bad].sort())
    assert.ok(entries.every((entry) => entry.code === 'ErrorContentConversionFailed' && entry.attempts === 1))
    const report = await service.client.report('c')
    assert.equal(report.complete, false)
    assert.match(report.reasons.join(), /2 messages could not be read/)
  }))

test('what stands in the ledger is tried again on request, and nothing else is', () =>
  inAWorld(async ({ simulator, folder, service, copy }) => {
    const bad = someOfInbox(simulator, MAILBOX, 2)
    poison(simulator, bad)
    await copy()
    await service.client.retrySkipped('c')
    const still = await untilStatus(service.client, 'c', 'completed')
    assert.equal(still.progress.messages_skipped, 2)

    simulator.faults.clear()
    simulator.resetStats()
    await service.client.retrySkipped('c')
    const cured = await untilStatus(service.client, 'c', 'completed')
    assert.equal(cured.progress.messages_stored, 2)
    assert.equal(simulator.stats().by_kind.message, 2)
    assert.equal(simulator.stats().by_kind.delta ?? 0, 0)
    for await (const entry of service.client.skipped('c')) assert.fail(`${entry.message_id} is still in the ledger`)
    await assertPerfectCopy(simulator, folder, MAILBOX)
    assert.equal((await service.client.report('c')).complete, true)
  }))

test('a ledger entry leaves with its message', () =>
  inAWorld(async ({ simulator, folder, service, copy }) => {
    const bad = someOfInbox(simulator, MAILBOX, 2)
    poison(simulator, bad)
    await copy()
    simulator.mutate({ user: MAILBOX, type: 'delete', messages: bad, hard: true })
    await copy()
    for await (const entry of service.client.skipped('c')) assert.fail(`${entry.message_id} is still in the ledger`)
    await assertPerfectCopy(simulator, folder, MAILBOX)
  }))

for (const mailbox of ['overquota@contoso.example', 'nodelta@contoso.example']) {
  test(`where Graph tracks no changes (${mailbox}), the folders are listed, run after run`, () =>
    inAWorld(async ({ simulator, folder, service, copy }) => {
      await copy('c', mailbox)
      await assertPerfectCopy(simulator, folder, mailbox)
      const { rows } = await stored(folder, mailbox)
      simulator.mutate(
        { user: mailbox, type: 'arrive', count: 3 },
        { user: mailbox, type: 'delete', folder: 'inbox', position: 5, count: 4, hard: true },
        { user: mailbox, type: 'move', folder: 'inbox', position: 10, count: 2, to: 'drafts' },
        { user: mailbox, type: 'edit', folder: 'inbox', position: 12, count: 1, subject: 'edited' },
      )
      const record = await copy('c', mailbox)
      await assertPerfectCopy(simulator, folder, mailbox)
      assert.equal((await stored(folder, mailbox)).rows, rows + 3)
      assert.ok(record.progress.messages_stored < 15, `${record.progress.messages_stored} fetched again`)
      assert.equal((await service.client.report('c')).complete, true)
    }))
}

for (const [what, kind] of [
  ['the address is', 'user'],
  ['its folders are', 'folders'],
] as const) {
  test(`a run that waits while ${what} looked up says so, and can be paused at once`, () =>
    inAWorld(async ({ simulator, service }) => {
      simulator.faults.add({ match: { kind }, effect: { status: 429, headers: { 'Retry-After': '600' } } })
      await service.client.start('c', { user_upn: MAILBOX })
      const waiting = await until('a reason', async () => {
        const record = await service.client.status('c')
        return record.status !== 'not_started' && record.waiting_for ? record : undefined
      })
      assert.match(waiting.waiting_for ?? '', /Graph asks the app to slow down/)
      await service.client.pause('c')
      await untilStatus(service.client, 'c', 'paused')
    }))
}

test('a mailbox that is being moved is waited for, visibly, and copied when it is back', () =>
  inAWorld(async ({ simulator, folder, service }) => {
    const down = {
      scope: 'mail',
      status: 503,
      code: 'ErrorServerBusy',
      message: 'busy',
      headers: { 'Retry-After': '1' },
    } as const
    simulator.mutate({ user: MAILBOX, type: 'refuse', refusal: down })
    await service.client.start('c', { user_upn: MAILBOX })
    while ((simulator.stats().by_status['503'] ?? 0) < 2) await service.client.status('c')
    simulator.mutate({ user: MAILBOX, type: 'refuse', refusal: null })
    const record = await untilStatus(service.client, 'c', 'completed')
    assert.ok(record.progress.throttled_seconds > 0)
    assert.ok(record.progress.retries >= 2)
    await assertPerfectCopy(simulator, folder, MAILBOX)
  }))
