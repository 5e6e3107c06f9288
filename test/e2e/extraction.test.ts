import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectCopy, stored, truth } from '../support/copies.ts'
import { aPlace, onEachDatabase } from '../support/place.ts'
import { type Place, Service } from '../support/service.ts'
import { untilStatus } from '../support/wait.ts'

const ADELE = 'adele.vance@contoso.example'
const JUERGEN = 'juergen.mueller@contoso.example'

onEachDatabase((database) => {
  const opened = new AsyncDisposableStack()
  let simulator: Simulator
  let place: Place
  let service: Service

  before(async () => {
    simulator = opened.use(await startSimulator())
    place = opened.use(await aPlace(database))
    service = opened.use(await Service.start(simulator, place))
  })

  after(() => opened.disposeAsync())

  async function run(connectionId: string, userUpn: string, options = {}) {
    const started = await service.client.start(connectionId, { user_upn: userUpn, options })
    assert.equal(started.message, 'Extraction started')
    return untilStatus(service.client, connectionId, 'completed')
  }

  test('every message of a mailbox is stored once, in its folder, and nothing else', async () => {
    const record = await run('adele', ADELE)
    await assertPerfectCopy(simulator, place, ADELE)
    assert.equal(record.progress.messages_stored, truth(simulator, ADELE).size)
    assert.equal(record.progress.percent, 100)
    assert.equal(record.progress.folders_done, record.progress.folders_total)
  })

  test('no more than 4 requests are in flight on a mailbox, and few are made', async () => {
    simulator.resetStats()
    await run('juergen', JUERGEN)
    const stats = simulator.stats()
    const [usage] = Object.values(stats.mailboxes)
    assert.equal(stats.violations, 0)
    assert.ok(usage && usage.max_in_flight <= 4, `${usage?.max_in_flight} in flight`)
    assert.equal(stats.by_kind.message ?? 0, 0, 'no request for a single message')
    await assertPerfectCopy(simulator, place, JUERGEN)
  })

  test('a second run asks only for what has changed, and follows arrivals, moves, edits and removals', async () => {
    const mailbox = "siobhan.o'neill@contoso.example"
    await run('siobhan', mailbox)
    const before = await stored(place, mailbox)
    simulator.mutate(
      { user: mailbox, type: 'arrive', count: 7 },
      { user: mailbox, type: 'move', folder: 'inbox', position: 10, count: 3, to: 'sentitems' },
      { user: mailbox, type: 'edit', folder: 'inbox', position: 20, count: 2, subject: 'edited' },
      { user: mailbox, type: 'mark_read', folder: 'inbox', position: 25, count: 4, is_read: false },
      { user: mailbox, type: 'delete', folder: 'inbox', position: 30, count: 5, hard: true },
    )
    simulator.resetStats()
    const record = await run('siobhan', mailbox)

    await assertPerfectCopy(simulator, place, mailbox)
    assert.ok(record.progress.messages_stored < 30, `${record.progress.messages_stored} written again`)
    const after = await stored(place, mailbox)
    assert.equal(after.rows, before.rows + 7, 'a move is one mail that changes its folder')
    assert.equal(after.removed, 5, 'removed mail is marked, never erased')
  })

  test('the result is streamed whole, and paged by cursor to the same list', async () => {
    const url = `${service.url}/api/emails/extract/result/adele`
    const whole = (await (await fetch(url)).json()) as {
      total: number
      emails: { id: string; received_date_time: string | null }[]
    }
    const paged: string[] = []
    for await (const email of service.client.result('adele', { pageSize: 97 })) paged.push(email.id)

    assert.equal(whole.total, whole.emails.length)
    assert.deepEqual(
      paged,
      whole.emails.map((email) => email.id),
    )
    assert.equal(new Set(paged).size, paged.length)
    const times = whole.emails.map((email) => email.received_date_time ?? '')
    assert.deepEqual(times, [...times].sort().reverse(), 'newest first')
  })

  test('an email has every field of the contract', async () => {
    const answer = await fetch(`${service.url}/api/emails/extract/result/adele?limit=1`)
    const { emails } = (await answer.json()) as { emails: [Record<string, unknown>] }
    const names = Object.keys(emails[0])
    for (const name of [
      'id',
      'user_upn',
      'subject',
      'body',
      'body_preview',
      'importance',
      'conversation_id',
      'created_date_time',
      'received_date_time',
      'sent_date_time',
      'has_attachments',
      'is_draft',
      'is_read',
      'parent_folder_id',
      'folder_name',
      'recipients',
      'attachments',
      'folder_path',
      'internet_message_id',
      'body_type',
      'categories',
      'flag',
      'inference_classification',
      'change_key',
      'web_link',
      'message_type',
      'removed_at',
    ]) {
      assert.ok(names.includes(name), `${name} is missing`)
    }
  })

  test('only the chosen folders are copied, by path or by a name that every language knows', async () => {
    const mailbox = 'alex.wilber@contoso.example'
    await run('alex', mailbox, { folders: { include: ['sentitems'] } })
    const wanted = truth(simulator, mailbox)
    const sentId = folderIds(simulator, mailbox, 'sentitems')
    const inSent = [...wanted.values()].filter((message) => sentId.includes(message.folder))
    assert.deepEqual([...(await stored(place, mailbox)).live.keys()].sort(), inSent.map((message) => message.id).sort())

    await run('alex', mailbox, { folders: { exclude: ['inbox'] } })
    await run('alex', mailbox)
    await assertPerfectCopy(simulator, place, mailbox)
  })

  test('soft-deleted mail is copied when it is asked for', async () => {
    const mailbox = 'info@contoso.example'
    await run('info', mailbox, { include_recoverable: true })
    const wanted = truth(simulator, mailbox, { recoverable: true })
    assert.ok(wanted.size > truth(simulator, mailbox).size)
    assert.deepEqual([...(await stored(place, mailbox)).live.keys()].sort(), [...wanted.keys()].sort())
  })

  test('a text body is made from the HTML; asking for both later keeps one row a message', async () => {
    const mailbox = 'user@example.com'
    await run('text', mailbox, { body: 'text' })
    const first = await anEmail('text')
    assert.equal(first.body_type, 'text')
    assert.doesNotMatch(String(first.body), /<[a-z]+/i)

    const rows = (await stored(place, mailbox)).rows
    await run('text', mailbox, { body: 'both' })
    const second = await anEmail('text')
    assert.equal(second.body_type, 'html')
    assert.equal(second.body_text, first.body)
    assert.equal((await stored(place, mailbox)).rows, rows)
  })

  test('tokens that end in mid-run are renewed', async () => {
    await using brief = await startSimulator({ tokenLifetimeSeconds: 1, latencyMs: 120, seed: 'brief' })
    await using another = await aPlace(database)
    await using own = await Service.start(brief, another)
    await own.client.start('c', { user_upn: ADELE })
    await untilStatus(own.client, 'c', 'completed')
    assert.ok(brief.stats().tokens_issued > 1)
    await assertPerfectCopy(brief, another, ADELE)
  })

  async function anEmail(connectionId: string) {
    for await (const email of service.client.result(connectionId, { pageSize: 1 })) return email
    throw new Error('there is no email')
  }
})

/** The folder of an alias and all below it. */
function folderIds(simulator: Simulator, mailbox: string, alias: string): string[] {
  const folders = [...simulator.truth(mailbox)].filter((line) => line.type === 'folder')
  const top = folders.find((line) => line.alias === alias)
  assert.ok(top)
  return folders.filter((line) => line.path === top.path || line.path.startsWith(`${top.path}/`)).map((line) => line.id)
}
