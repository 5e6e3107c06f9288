import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TempPostgres } from '../../../test/support/postgres.ts'
import { systemClock } from '../../clock.ts'
import type { Database, EmailRow } from '../dialects/dialect.ts'
import { openDatabase } from '../open-database.ts'
import { compareTable } from './compare-tables.ts'
import { readShapes } from './table-shape.ts'
import { openTarget, type TransferOptions, transferStore } from './transfer-store.ts'

const CREATED_AT = '2026-01-01T00:00:00.120Z'

async function openSource(emails: readonly Partial<EmailRow>[]): Promise<Database> {
  const source = await openDatabase({ kind: 'sqlite', path: ':memory:' })
  const mailbox = { id: 7, object_id: 'object', user_upn: 'ann@x.example', created_at: CREATED_AT }
  await source.db.insertInto('mailboxes').values(mailbox).execute()
  await source.transact((trx) => source.dialect.upsertEmails(trx, emails.map(anEmail), CREATED_AT))
  return source
}

function anEmail(columns: Partial<EmailRow>, index: number): EmailRow {
  return {
    mailbox_id: 7,
    id: `m${index}`,
    parent_folder_id: 'inbox',
    change_key: null,
    message_type: 'message',
    subject: null,
    body: null,
    body_type: null,
    body_text: null,
    body_kept: 'html',
    body_preview: null,
    importance: null,
    conversation_id: null,
    internet_message_id: null,
    created_date_time: null,
    last_modified_date_time: null,
    received_date_time: null,
    sent_date_time: null,
    has_attachments: 0,
    is_draft: 0,
    is_read: 1,
    recipients: '[]',
    categories: '[]',
    flag: null,
    inference_classification: null,
    web_link: null,
    internet_message_headers: null,
    removed_at: null,
    ...columns,
  }
}

async function transfer(source: Database, url: string, options: Partial<TransferOptions> = {}) {
  await using target = await openTarget(url)
  const { signal } = new AbortController()
  return await transferStore(source, target, { clock: systemClock, signal, onProgress: () => {}, ...options })
}

test('every value arrives as Postgres would have kept it, and compares as the same', async () => {
  await using source = await openSource([
    {
      subject: 'before \0 after',
      body: '😀'.repeat(3),
      recipients: String.raw`[{"name":"half \ud83d","email_address":"a\u0000b@x.example"}]`, // as an early version kept it
      received_date_time: '2026-01-01T10:00:00.1234567Z',
      sent_date_time: '2026-01-01T12:00:00+02:00',
      created_date_time: '0001-01-01T00:00:00Z',
      last_modified_date_time: 'yesterday',
      removed_at: '2026-01-01T10:00Z',
      flag: '{"z":1,"a":{"d":null,"c":[true,{"b":1.5,"a":""}]}}',
    },
  ])
  await using temporary = await TempPostgres.create()
  const comparisons = await transfer(source, temporary.url)
  assert.deepEqual(
    comparisons.filter(({ firstDifference }) => firstDifference),
    [],
  )
  await using moved = await openDatabase({ kind: 'postgres', url: temporary.url })
  const row = await moved.db.selectFrom('emails').selectAll().executeTakeFirstOrThrow()
  const { recipients, flag, ...columns } = row
  assert.deepEqual(JSON.parse(recipients), [{ name: 'half \uFFFD', email_address: 'a\uFFFDb@x.example' }])
  assert.deepEqual(JSON.parse(flag ?? ''), { z: 1, a: { d: null, c: [true, { b: 1.5, a: '' }] } })
  assert.partialDeepStrictEqual(columns, {
    subject: 'before \uFFFD after',
    body: '😀😀😀',
    received_date_time: '2026-01-01T10:00:00.123456Z',
    sent_date_time: '2026-01-01T10:00:00Z',
    created_date_time: '0001-01-01T00:00:00Z',
    last_modified_date_time: null,
    removed_at: '2026-01-01T10:00:00Z',
    is_read: 1,
    is_draft: 0,
  })
})

test('rows keep their numbers, and new ones get numbers behind them', async () => {
  await using source = await openSource([{}, {}, {}])
  await source.db.deleteFrom('emails').where('row', '=', 2).execute()
  await using temporary = await TempPostgres.create()
  await transfer(source, temporary.url)
  await using moved = await openDatabase({ kind: 'postgres', url: temporary.url })
  const another = { object_id: 'another', user_upn: 'bob@x.example', created_at: CREATED_AT }
  const added = await moved.db.insertInto('mailboxes').values(another).returning('id').executeTakeFirstOrThrow()
  assert.equal(added.id, 8)
  await moved.transact((trx) => moved.dialect.upsertEmails(trx, [anEmail({}, 10)], CREATED_AT))
  const rows = await moved.db.selectFrom('emails').select(['row', 'id']).orderBy('row').execute()
  assert.deepEqual(rows, [
    { row: 1, id: 'm0' },
    { row: 3, id: 'm2' },
    { row: 4, id: 'm10' },
  ])
})

test('a transfer that was stopped goes on behind what it has copied, and a source that has changed is refused', async () => {
  const emails = Array.from({ length: 5 }, () => ({ body: 'x'.repeat(3 * 1024 * 1024) })) // two are a batch
  await using source = await openSource(emails)
  await using temporary = await TempPostgres.create()
  const stopping = new AbortController()
  const seen: number[] = []
  await assert.rejects(
    transfer(source, temporary.url, {
      signal: stopping.signal,
      onProgress: ({ rows }) => {
        seen.push(rows)
        if (rows === 3) stopping.abort()
      },
    }),
    { name: 'AbortError' },
  )
  assert.deepEqual(seen, [1, 3])
  await assert.rejects(openDatabase({ kind: 'postgres', url: temporary.url }), { code: 'transfer_unfinished' })

  const rename = (user_upn: string) => source.db.updateTable('mailboxes').set({ user_upn }).execute()
  await rename('changed@x.example')
  await assert.rejects(transfer(source, temporary.url), { code: 'transfer_refused' })
  await rename('ann@x.example')

  const copied: number[] = []
  await transfer(source, temporary.url, {
    onProgress: ({ step, rows }) => {
      if (step === 'copying') copied.push(rows)
    },
  })
  assert.deepEqual(copied, [5, 6])
  await using moved = await openDatabase({ kind: 'postgres', url: temporary.url })
  assert.equal((await moved.db.selectFrom('emails').select('id').execute()).length, 5)
})

test('what is missing, too many or not the same is found, each in its table', async () => {
  await using source = await openSource([{}, {}, {}])
  await source.db
    .insertInto('blobs')
    .values([
      { sha256: 'a', size: 1 },
      { sha256: 'c', size: 3 },
    ])
    .execute()
  await using temporary = await TempPostgres.create()
  await transfer(source, temporary.url)
  await temporary.query(`insert into blobs values ('b', 2)`)
  await temporary.query(`update mailboxes set user_upn = 'eve@x.example'`)
  await temporary.query('delete from emails where "row" = 2')

  await using moved = await openDatabase({ kind: 'postgres', url: temporary.url })
  const differences = new Map<string, unknown>()
  for (const table of await readShapes(moved.db)) {
    const { firstDifference } = await compareTable(source.db, moved.db, table, () => {})
    if (firstDifference) differences.set(table.name, firstDifference)
  }
  assert.deepEqual(Object.fromEntries(differences), { mailboxes: [7], emails: [2], blobs: ['b'] })
})
