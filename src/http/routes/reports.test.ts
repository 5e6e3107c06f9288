import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LedgerEntry } from '../../copying/report.ts'
import { ReportAnswer, SkippedAnswer } from '../contract-report.ts'
import { aServer, assertFits } from '../test-support.ts'

const BASE = '/api/emails/extract'

async function aStartedServer() {
  const api = aServer()
  await api.server.inject({ method: 'POST', url: `${BASE}/start/c1`, payload: { user_upn: 'user@example.com' } })
  return api
}

function anEntry(messageId: string, part = ''): LedgerEntry {
  const seen = { firstSeen: '2026-01-01T00:00:00.000Z', lastSeen: '2026-01-02T00:00:00.000Z' }
  return {
    messageId,
    part,
    folderPath: 'Inbox',
    code: 'ErrorCorruptData',
    reason: 'Graph cannot give it',
    attempts: 2,
    ...seen,
  }
}

test('the report names every folder and says why the copy is not complete yet', async () => {
  const { server, reports } = await aStartedServer()
  const counts = { stored: 3, unchanged: 0, removed: 0, skipped: 0, held: 3, inLedger: 0 }
  reports.folders = [{ path: 'Inbox', listedByGraph: null, itemsAtStart: 9, ...counts }]
  const response = await server.inject(`${BASE}/report/c1`)
  assert.equal(response.statusCode, 200)
  const report = response.json<ReportAnswer>()
  assertFits(ReportAnswer, report)
  assert.equal(report.complete, false)
  assert.deepEqual(report.folders[0], {
    path: 'Inbox',
    listed_by_graph: null,
    ...{ stored: 3, unchanged: 0, removed: 0, skipped: 0, held: 3, in_ledger: 0 },
  })
})

test('the ledger is read page by page', async () => {
  const { server, reports } = await aStartedServer()
  reports.ledger = [anEntry('a'), anEntry('b', 'a1'), anEntry('b', 'attachments')]
  const first = (await server.inject(`${BASE}/skipped/c1?limit=2`)).json<SkippedAnswer>()
  assertFits(SkippedAnswer, first)
  assert.deepEqual(
    first.skipped.map(({ message_id, part, attachment_id }) => ({ message_id, part, attachment_id })),
    [
      { message_id: 'a', part: 'message', attachment_id: null },
      { message_id: 'b', part: 'attachment', attachment_id: 'a1' },
    ],
  )
  const second = (await server.inject(`${BASE}/skipped/c1?limit=2&cursor=${first.next_cursor}`)).json<SkippedAnswer>()
  assert.deepEqual(
    second.skipped.map((entry) => entry.part),
    ['attachments'],
  )
  assert.equal(second.next_cursor, null)
  assert.equal((await server.inject(`${BASE}/skipped/c1?cursor=nonsense`)).statusCode, 400)
})

test('a retry is refused while the connection runs, and taken once it has ended', async () => {
  const { server, extractions } = await aStartedServer()
  const url = `${BASE}/retry-skipped/c1`
  assert.equal((await server.inject({ method: 'POST', url })).statusCode, 409)
  const row = extractions.rows[0]
  assert.ok(row)
  row.status = 'completed'
  const response = await server.inject({ method: 'POST', url })
  assert.equal(response.statusCode, 202)
  assert.equal(extractions.rows.at(-1)?.options.only, 'skipped')
})

test('of a connection that was never started there is neither report nor ledger', async () => {
  const { server } = aServer()
  for (const [method, call] of [
    ['GET', 'report'],
    ['GET', 'skipped'],
    ['POST', 'retry-skipped'],
  ] as const) {
    const response = await server.inject({ method, url: `${BASE}/${call}/nobody` })
    assert.equal(response.statusCode, 404)
    assert.equal(response.json().code, 'extraction_not_found')
  }
})
