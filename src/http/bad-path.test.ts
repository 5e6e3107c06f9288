import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from './contract.ts'
import { aServer, assertFits } from './test-support.ts'

const QUERIES: [query: string, detail: string][] = [
  ['limit=0', 'limit: must be from 1 to 1000'],
  ['limit=1001', 'limit: must be from 1 to 1000'],
  ['limit=ten', 'limit: must be a whole number'],
  ['limit=1.5', 'limit: must be a whole number'],
  ['limit=', 'limit: must be a whole number'],
  ['limit=1&limit=2', 'limit: must be a whole number'],
  ['partial=yes', 'partial: must be true or false'],
  ['page=2', 'page: is not known here'],
  ['cursor=abc', 'cursor: needs limit beside it'],
  ['limit=5&cursor=abc', 'cursor: is not a next_cursor that this call has answered'],
  [
    `limit=5&cursor=${Buffer.from('["member",5]').toString('base64url')}`,
    'cursor: is not a next_cursor that this call has answered',
  ],
  [`limit=5&cursor=${'a'.repeat(600)}`, 'cursor: must not be longer than 512 characters'],
]

for (const [query, detail] of QUERIES) {
  test(`a result asked with ${query.slice(0, 60)} is a 400 that says so`, async () => {
    const response = await aServer().server.inject(`/api/emails/extract/result/conn1?${query}`)
    assert.equal(response.statusCode, 400)
    assert.deepEqual(response.json().details, [detail])
  })
}

for (const id of [
  'a b',
  '😀',
  "'; drop table x; --",
  '"',
  'a%b',
  '%2e',
  'b:user@example.com',
  'é'.repeat(256),
  '😀'.repeat(256),
]) {
  test(`the id ${id.slice(0, 20)} comes back as it went in`, async () => {
    const response = await aServer().server.inject(`/api/emails/extract/status/${encodeURIComponent(id)}`)
    assert.equal(response.statusCode, 200)
    assert.equal(response.json().connection_id, id)
  })
}

for (const id of ['a%2Fb', 'a%00', '%0A', '%7F', '%C2%85', '', 'a'.repeat(257), 'a'.repeat(9000)]) {
  test(`the id ${id.slice(0, 20) || 'of no characters'} (${id.length}) is a 400 that names the rule`, async () => {
    for (const call of ['status', 'batch/status']) {
      const response = await aServer().server.inject(`/api/emails/extract/${call}/${id}`)
      assert.equal(response.statusCode, 400)
      assert.match(response.json().error, /_id: must be 1 to 256 characters, percent-encoded, without "\/"/)
    }
  })
}

for (const id of ['%', '%zz', '%ff', '%c3%28']) {
  test(`the malformed percent-encoding ${id} is a 400`, async () => {
    const response = await aServer().server.inject(`/api/emails/extract/status/${id}`)
    assert.equal(response.statusCode, 400)
    assertFits(Failure, response.json())
    assert.equal(response.json().code, 'invalid_request')
    assert.equal(response.headers['x-content-type-options'], 'nosniff')
  })
}
