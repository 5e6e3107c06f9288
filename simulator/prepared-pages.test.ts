import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { startSimulator } from './simulator.ts'
import { TestClient } from './test-client.ts'

const INBOX = '/users/bench@example.com/mailFolders/inbox/messages'
const BENCH = { demo: false, mailboxes: [{ name: 'bench', messages: 1230 }], bodyBytes: 3000 }

test('prepared pages hold the same bytes as freshly made ones, for any change of the page size on the way', async () => {
  await using fresh = await startSimulator(BENCH)
  await using prepared = await startSimulator({ ...BENCH, prepared: true })
  await using client = new TestClient(prepared)
  await using freshClient = new TestClient(fresh)
  assert.equal(
    await prepared.prepare(`/v1.0${INBOX}/delta?$select=subject,body`, { prefer: 'IdType="ImmutableId"' }),
    1230,
  )
  const stretch =
    '$filter=receivedDateTime ge 2026-02-01 and receivedDateTime lt 2026-08-01&$orderby=receivedDateTime desc'
  for (const path of [
    `${INBOX}/delta?$select=subject,body`,
    `${INBOX}?$select=subject,body&$top=100`,
    `${INBOX}?$select=subject,body&$top=100&${stretch.replaceAll(' ', '%20')}`,
  ]) {
    const sizes = [100, 200, 250, 33, 400, 1000]
    let [link, freshLink] = [path, path]
    for (let page = 0; link !== ''; page++) {
      const prefer = `IdType="ImmutableId", odata.maxpagesize=${sizes[page % sizes.length]}`
      const zipped = await gzipped(client, link, prefer)
      const plain = await freshClient.get(freshLink, { prefer })
      assert.equal(zipped.replaceAll(prepared.url, fresh.url), plain.text)
      const body = JSON.parse(zipped)
      link = body['@odata.nextLink'] ?? ''
      freshLink = plain.body['@odata.nextLink'] ?? ''
    }
  }
})

test('once the mailbox changes its pages are made afresh', async () => {
  await using simulator = await startSimulator({ ...BENCH, prepared: true })
  await using client = new TestClient(simulator)
  const before = await gzipped(client, `${INBOX}?$top=50&$select=id`)
  simulator.mutate({ user: 'bench@example.com', type: 'arrive' })
  assert.notEqual(await gzipped(client, `${INBOX}?$top=50&$select=id`), before)
})

async function gzipped(client: TestClient, link: string, prefer = ''): Promise<string> {
  await client.login()
  const { bytes, encoding } = await client.bytes(link, { prefer, 'accept-encoding': 'gzip' })
  return (encoding === 'gzip' ? gunzipSync(bytes) : bytes).toString()
}
