import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import type { ApiClient } from '../../src/http/client.ts'
import type { Email } from '../../src/http/contract.ts'
import { truth } from '../support/copies.ts'
import { TempPostgres } from '../support/postgres.ts'
import { runCommand, Service, settings, startCommand, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const ODD = 'odd@example.com'
const LONG = 'long@example.com'
const KILLED = 'killed@example.com'
const MEMBERS = ['user1@example.com', 'nobody@contoso.example']
const POISONED = 'user@example.com'

/** What a value can have in it that one of the databases keeps in its own way. */
const ODDITIES = [
  'null_subject',
  'nul',
  'lone_surrogates',
  'many_recipients',
  'missing_dates',
  'reference',
  'odd_attachment_names',
  'same_content_2',
] as const

test('a store that was moved to Postgres answers everything as before, and its work goes on', async () => {
  await using simulator = await startSimulator({
    mailboxes: [
      { name: ODD, odd: ODDITIES },
      { name: LONG, messages: 700, bodyBytes: 12_000 },
      { name: KILLED, messages: 700, bodyBytes: 12_000 },
    ],
  })
  using folder = new TempFolder()
  await using database = await TempPostgres.create()
  const batchId = await fillStore(simulator, folder)
  const connections = [ODD, POISONED, LONG, KILLED, ...MEMBERS.map((member) => `${batchId}:${member}`)]

  const { status, stdout, stderr } = await runCommand(
    ['migrate-store', '--from', `sqlite:${folder.database}`, '--to', database.url],
    settings(simulator, folder),
  )
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^emails +[\d,]+ +[\d,]+ +([0-9a-f]{16}) +\1$/m)

  const onPostgres = { ...settings(simulator, folder), DATABASE_URL: database.url, OUTLOOK_CLIENT_SECRET: '' }
  {
    await using before = await Service.of(startCommand(['serve', '--no-worker'], settings(simulator, folder)))
    await using after = await Service.of(startCommand(['serve', '--no-worker'], onPostgres))
    for (const connection of connections) {
      assert.deepEqual(await answersOf(after.client, connection), await answersOf(before.client, connection))
    }
    assert.deepEqual(evened(await after.client.batchStatus(batchId)), evened(await before.client.batchStatus(batchId)))
    assert.deepEqual(evened(await after.client.batchResult(batchId)), evened(await before.client.batchResult(batchId)))
    assert.equal((await after.client.status(KILLED)).status, 'queued', 'what was running when the process died')
    await before.stop()
    await after.stop()
  }

  await using service = await Service.of(startCommand(['serve'], onPostgres))
  const { client } = service
  await untilStatus(client, KILLED, 'completed') // nobody asked for it: its ticket was issued by the sweep
  assert.equal((await client.status(LONG)).status, 'paused')
  await client.continue(LONG)
  const record = await untilStatus(client, LONG, 'completed')
  const { messages_stored, messages_unchanged } = record.progress
  const wanted = [truth(simulator, LONG).size, 0]
  assert.deepEqual(
    [messages_stored, messages_unchanged],
    wanted,
    'what was stored before the move is not fetched again',
  )
  for (const mailbox of [KILLED, LONG]) await assertPerfect(simulator, client, mailbox)

  const email = (await emailsOf(client, ODD)).find(({ attachments }) => attachments.some(({ sha256 }) => sha256))
  const attachment = email?.attachments.find(({ sha256 }) => sha256)
  assert.ok(attachment?.content_url)
  const content = await fetch(new URL(attachment.content_url, service.url)).then((response) => response.arrayBuffer())
  assert.equal(createHash('sha256').update(Buffer.from(content)).digest('hex'), attachment.sha256)

  simulator.resetStats()
  simulator.mutate({ user: ODD, type: 'arrive', count: 3 })
  await client.start(ODD, { user_upn: ODD, config: secretOf(simulator) })
  const { progress } = await untilStatus(client, ODD, 'completed')
  assert.deepEqual([progress.messages_stored, progress.messages_unchanged], [3, 0], 'only what has changed is read')
  await assertPerfect(simulator, client, ODD)
})

/** By real runs: completed ones, one with a ledger, a batch with a failure, a paused one, and one whose process was killed. */
async function fillStore(simulator: Simulator, folder: TempFolder): Promise<string> {
  await using service = await Service.start(simulator, folder, { OUTLOOK_CLIENT_SECRET: '' })
  const { client } = service
  const config = secretOf(simulator)
  await client.start(ODD, { user_upn: ODD, config, options: { mime: true, body: 'both' } })
  const { batch_id } = await client.startBatch({ user_upns: MEMBERS, config })
  await untilStatus(client, ODD, 'completed')
  await until('the batch to end', async () => (await client.batchStatus(batch_id)).status === 'completed' || undefined)

  const poison = [...truth(simulator, POISONED).keys()].slice(7, 9)
  for (const kind of ['delta', 'messages', 'message'] as const) {
    simulator.faults.add({ match: { kind }, effect: { poison, status: 500, code: 'ErrorContentConversionFailed' } })
  }
  await client.start(POISONED, { user_upn: POISONED, config })
  await untilStatus(client, POISONED, 'completed')

  for (const mailbox of [LONG, KILLED]) {
    simulator.faults.clear()
    simulator.faults.add({ match: { kind: 'delta', nth: 5 }, effect: { gate: mailbox } })
    await client.start(mailbox, { user_upn: mailbox, config })
    await simulator.gates.whenWaiting(mailbox)
    if (mailbox === LONG) {
      await client.pause(mailbox)
      const { progress } = await untilStatus(client, mailbox, 'paused')
      assert.ok(progress.messages_stored > 0, 'it was paused between two pages')
    }
  }
  await service.stop('SIGKILL')
  simulator.faults.clear()
  for (const mailbox of [LONG, KILLED]) simulator.gates.open(mailbox)
  return batch_id
}

function secretOf(simulator: Simulator) {
  return { outlook_client_secret: simulator.clientSecret }
}

function emailsOf(client: ApiClient, connection: string): Promise<Email[]> {
  return Array.fromAsync(client.result(connection, { partial: true }))
}

/** All that the API says of a connection. */
async function answersOf(client: ApiClient, connection: string) {
  const { eta_seconds: _, ...status } = { eta_seconds: null, ...(await client.status(connection)) }
  return evened({
    status,
    report: await client.report(connection),
    skipped: await Array.fromAsync(client.skipped(connection)),
    emails: await emailsOf(client, connection).catch((error: unknown) => String(error)),
  })
}

/** Postgres writes the same instant in another way, and has no NUL. */
function evened(answer: unknown): unknown {
  if (typeof answer === 'string') {
    const isTime = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(answer)
    return isTime ? Date.parse(answer) : answer.toWellFormed().replaceAll('\0', '\uFFFD')
  }
  if (Array.isArray(answer)) return answer.map(evened)
  if (typeof answer !== 'object' || answer === null) return answer
  return Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, evened(value)]))
}

/** What the API answers of the mailbox equals the truth: none missing, none twice, none too many. */
async function assertPerfect(simulator: Simulator, client: ApiClient, mailbox: string): Promise<void> {
  const live = (await emailsOf(client, mailbox)).filter(({ removed_at }) => removed_at === null)
  const held = live.map((email) => ({
    id: email.id,
    folder: email.parent_folder_id,
    subject: email.subject,
    isRead: email.is_read,
  }))
  const byId = <Item extends { id: string }>(items: Item[]) => items.sort((one, other) => (one.id < other.id ? -1 : 1))
  assert.deepEqual(byId(held), byId(evened([...truth(simulator, mailbox).values()]) as typeof held))
}
