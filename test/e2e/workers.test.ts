import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { startSimulator } from '../../simulator/simulator.ts'
import { runCommand, settings, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'
import { type WorkerProcess, Workers } from '../support/workers.ts'
import { startsOf } from '../support/write-log.ts'

const MESSAGES = 120
/** Each test takes the next ones: all share their processes, for starting those takes longer than the tests. */
const MAILBOXES = Array.from({ length: 30 }, (_, index) => `user${index}@example.com`)
const AT_ONCE = 2

let workers: Workers
let taken = 0

before(async () => {
  workers = await Workers.open({
    simulator: { demo: false, mailboxes: MAILBOXES.map((name) => ({ name, messages: MESSAGES })) },
    env: { MAILBOX_CONCURRENCY: String(AT_ONCE) },
  })
})
after(() => workers?.[Symbol.asyncDispose]())
afterEach(() => workers.simulator.faults.clear())

function nextMailboxes(count: number): string[] {
  taken += count
  return MAILBOXES.slice(taken - count, taken)
}

/** A mailbox of which a worker has stored a page, while the next ones come slowly; another worker has nothing to do. */
async function beingCopied(): Promise<{ mailbox: string; holder: WorkerProcess }> {
  await workers.atLeast(2)
  const [mailbox = ''] = nextMailboxes(1)
  workers.slow()
  await workers.api.client.start(mailbox, { user_upn: mailbox })
  await until('a page', async () => (await workers.countStored(mailbox)) > 0 || undefined)
  return { mailbox, holder: await workers.holderOf(mailbox) }
}

async function completes(mailbox: string, connectionId = mailbox): Promise<void> {
  workers.simulator.faults.clear()
  await untilStatus(workers.api.client, connectionId, 'completed')
  await workers.assertNothingLost([mailbox])
}

test('a worker that is killed is replaced by another, which goes on and copies nothing twice', async () => {
  const { mailbox, holder } = await beingCopied()
  await workers.kill(holder)
  await completes(mailbox)
  assert.equal(await workers.epochOf(mailbox), 3, 'the loss and the new claim raised it')
})

test('a worker that is stopped gives its work back, and another takes it at once', async () => {
  const { mailbox, holder } = await beingCopied()
  await holder.stop()
  await completes(mailbox)
  assert.equal(await workers.epochOf(mailbox), 2, 'given back, not lost')
})

test('a worker that stood still finds itself replaced, and writes nothing', async () => {
  const { mailbox, holder } = await beingCopied()
  holder.freeze()
  await until('another to take over', async () => (await workers.epochOf(mailbox)) === 3 || undefined)
  holder.thaw()
  await completes(mailbox)
})

test('a pause and a continue reach a worker in another process', async () => {
  const { mailbox } = await beingCopied()
  await workers.api.client.pause(mailbox)
  await untilStatus(workers.api.client, mailbox, 'paused')
  await workers.api.client.continue(mailbox)
  await completes(mailbox)
})

test('a cancel reaches a worker in another process', async () => {
  const { mailbox } = await beingCopied()
  await workers.api.client.cancel(mailbox)
  await untilStatus(workers.api.client, mailbox, 'cancelled')
  assert.ok((await workers.countStored(mailbox)) < MESSAGES, 'it was stopped on its way')
})

test('a worker whose connections are all cut, again and again, costs some pages and no mail', async () => {
  const { mailbox, holder } = await beingCopied()
  for (let cut = 1; cut <= 3; cut++) {
    const before = await workers.countStored(mailbox)
    await workers.cutConnections({ of: holder })
    await until('more mail', async () => (await workers.countStored(mailbox)) > before || undefined)
  }
  await completes(mailbox)
})

test('a database server that starts anew under a running worker costs some pages and no mail', async () => {
  const { mailbox } = await beingCopied()
  await workers.restartDatabase()
  await completes(mailbox)
})

test('the members of a batch are spread over the workers', async () => {
  const names = (await workers.atLeast(2)).map(({ name }) => name)
  const members = nextMailboxes(names.length * AT_ONCE)
  workers.simulator.faults.add({ match: { kind: 'delta' }, effect: { gate: 'mail' } })
  const { batch_id } = await workers.api.client.startBatch({ user_upns: members })
  await until('all members to run', async () => {
    const running = await Array.fromAsync(workers.api.client.batchUsers(batch_id, 'in_progress'))
    return running.length === members.length || undefined
  })
  const starts = startsOf(await workers.log()).filter(({ address }) => members.includes(address))
  for (const name of names) assert.equal(starts.filter(({ writer }) => writer === name).length, AT_ONCE)
  workers.simulator.gates.open('mail')
  for (const mailbox of members) await completes(mailbox, `${batch_id}:${mailbox}`)
})

test('`extract` beside running workers copies what it was asked for, and leaves theirs to them', async () => {
  const { mailbox } = await beingCopied()
  const [asked = '', ...members] = nextMailboxes(4)
  const { batch_id } = await workers.api.client.startBatch({ user_upns: members })
  const { status, stderr } = await workers.run(['extract', asked])
  assert.equal(status, 0, stderr)
  await workers.assertNothingLost([asked])
  for (const member of members) await completes(member, `${batch_id}:${member}`)
  await completes(mailbox)
})

test('on SQLite there is no worker beside the one that owns the file', async () => {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  const { status, stderr } = await runCommand(['worker'], settings(simulator, folder))
  assert.equal(status, 2)
  assert.match(stderr, /which one process owns: use `serve`/)
})
