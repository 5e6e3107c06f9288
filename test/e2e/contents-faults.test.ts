import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectContents } from '../support/contents.ts'
import { assertPerfectCopy } from '../support/copies.ts'
import { Service, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const MAILBOX = 'files@example.com'

interface World {
  simulator: Simulator
  folder: TempFolder
  service: Service
  copy(options?: { mime?: boolean }): ReturnType<typeof untilStatus>
}

/** Twenty messages, each with one attachment of its own. */
async function inAWorld(work: (world: World) => Promise<void>): Promise<void> {
  await using simulator = await startSimulator({
    demo: false,
    mailboxes: [{ name: MAILBOX, messages: 20, attachments: { every: 1, minBytes: 50_000, maxBytes: 90_000 } }],
  })
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  const copy = async (options: { mime?: boolean } = {}) => {
    await service.client.start('c', { user_upn: MAILBOX, options })
    return untilStatus(service.client, 'c', 'completed')
  }
  await work({ simulator, folder, service, copy })
}

test('bodies of attachments that are cut, reset, throttled or said to be missing are fetched again', () =>
  inAWorld(async ({ simulator, folder, copy }) => {
    const match = { kind: 'attachment_content' } as const
    simulator.faults.add({ match: { ...match, nth: 1 }, effect: { cut: 30_000 } })
    simulator.faults.add({ match: { ...match, nth: 2 }, effect: { cut: { after: 30_000, chunked: true } } })
    simulator.faults.add({ match: { ...match, nth: 3 }, effect: { reset: true } })
    simulator.faults.add({ match: { ...match, nth: 4 }, effect: { status: 404, empty_body: true } })
    simulator.faults.add({ match: { ...match, nth: 5 }, effect: { status: 429, headers: { 'retry-after': '1' } } })
    simulator.faults.add({ match: { ...match, nth: 6 }, effect: { truncate: 0 } })
    const { progress } = await copy()
    assert.equal(progress.attachments_skipped, 0)
    await assertPerfectContents(simulator, folder, MAILBOX)
    assert.equal(simulator.stats().violations, 0)
  }))

test('an attachment that cannot be read goes to the ledger, and retry-skipped fetches it once it can', () =>
  inAWorld(async ({ simulator, folder, service, copy }) => {
    const effect = { status: 500, code: 'ErrorCannotOpenFileAttachment' }
    simulator.faults.add({ match: { kind: 'attachment_content', nth: 5 }, effect })
    const { progress } = await copy()
    assert.deepEqual([progress.attachments_stored, progress.attachments_skipped], [19, 1])
    const [entry] = await Array.fromAsync(service.client.skipped('c'))
    assert.equal(entry?.code, 'ErrorCannotOpenFileAttachment')
    assert.ok(entry.attachment_id)

    simulator.resetStats()
    await service.client.retrySkipped('c')
    const again = await untilStatus(service.client, 'c', 'completed')
    assert.equal(again.progress.attachments_skipped, 0)
    assert.deepEqual(await Array.fromAsync(service.client.skipped('c')), [])
    assert.equal(simulator.stats().by_kind.attachment_content, 1, 'only that one')
    await assertPerfectContents(simulator, folder, MAILBOX)
    assert.equal((await service.client.report('c')).complete, true)
  }))

test('attachments and messages that vanish while they are fetched are no longer in the copy', () =>
  inAWorld(async ({ simulator, folder, service, copy }) => {
    simulator.faults.add({ match: { kind: 'attachment_content' }, effect: { gate: 'vanish' } })
    const completed = copy()
    await simulator.gates.whenWaiting('vanish')
    simulator.mutate(
      { user: MAILBOX, type: 'remove_attachment', folder: 'inbox', position: 0, count: 2 },
      { user: MAILBOX, type: 'delete', hard: true, folder: 'inbox', position: 3, count: 2 },
    )
    simulator.faults.clear()
    simulator.gates.open('vanish')
    await completed
    assert.deepEqual(await Array.fromAsync(service.client.skipped('c')), [])
    await copy() // what changed after its page was read comes with the next run
    await assertPerfectCopy(simulator, folder, MAILBOX)
    await assertPerfectContents(simulator, folder, MAILBOX)
  }))

test('a message whose MIME Exchange cannot make is kept as JSON with its attachments, and its record says why', () =>
  inAWorld(async ({ simulator, service, folder, copy }) => {
    const effect = { status: 500, code: 'ErrorMimeContentConversionFailed' }
    simulator.faults.add({ match: { kind: 'mime', nth: 3 }, effect })
    await copy({ mime: true })
    const emails = await Array.fromAsync(service.client.result('c'))
    const without = emails.filter(({ mime }) => mime === null)
    assert.deepEqual(
      without.map(({ mime_error, attachments }) => [mime_error, attachments.length]),
      [['ErrorMimeContentConversionFailed', 1]],
    )
    await assertPerfectContents(simulator, folder, MAILBOX)
  }))

test('a mailbox that is closed to us when the last attachments are listed fails the run with the reason, and can be continued', () =>
  inAWorld(async ({ simulator, folder, service }) => {
    const closed = { status: 403, code: 'ErrorAccessDenied', message: 'Access is denied.' }
    simulator.faults.add({ match: { kind: 'attachments', nth: 20 }, effect: { gate: 'last', ...closed } })
    await service.client.start('c', { user_upn: MAILBOX })
    await simulator.gates.whenWaiting('last')
    await until('all others to be stored', async () => {
      const record = await service.client.status('c')
      return record.status === 'in_progress' && record.progress.attachments_stored === 19 ? record : undefined
    })
    simulator.gates.open('last')
    const { error_code } = await untilStatus(service.client, 'c', 'failed')
    assert.equal(error_code, 'mailbox_access_denied')

    simulator.faults.clear()
    await service.client.continue('c')
    await untilStatus(service.client, 'c', 'completed')
    await assertPerfectContents(simulator, folder, MAILBOX)
  }))
