import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aServer } from '../test-support.ts'

interface Operation {
  operationId?: string
  summary?: string
  responses: Record<string, { description: string; content?: object }>
}

async function openApiDocument() {
  const response = await aServer().server.inject('/openapi.json')
  return response.json<{ openapi: string; paths: Record<string, Record<string, Operation>> }>()
}

test('the OpenAPI document has every route, with what it answers', async () => {
  const { openapi, paths } = await openApiDocument()
  assert.match(openapi, /^3\.1/)
  const answered = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => [`${method} ${path}`, Object.keys(responses).join(' ')]),
  )
  const base = '/api/emails/extract'
  assert.deepEqual(Object.fromEntries(answered), {
    'get /health': '200',
    'get /ready': '200 503',
    [`post ${base}/start/{connection_id}`]: '202 400 403 409 413 500 503 507',
    [`post ${base}/pause/{connection_id}`]: '200 400 403 404 409 500 503 507',
    [`post ${base}/continue/{connection_id}`]: '200 400 403 404 409 500 503 507',
    [`post ${base}/cancel/{connection_id}`]: '200 400 403 404 409 500 503 507',
    [`get ${base}/status/{connection_id}`]: '200 400 403 500 503',
    [`get ${base}/result/{connection_id}`]: '200 202 400 403 404 500 503',
    [`get ${base}/report/{connection_id}`]: '200 400 403 404 500 503',
    [`get ${base}/skipped/{connection_id}`]: '200 400 403 404 500 503',
    [`post ${base}/retry-skipped/{connection_id}`]: '202 400 403 404 409 500 503 507',
    'delete /api/emails/mailboxes/{user_upn}': '200 400 403 404 409 500 503',
    'get /api/emails/messages/{message_id}': '200 400 403 404 500 503',
    'get /api/emails/messages/{message_id}/attachments/{attachment_id}': '200 206 400 403 404 410 416 500 503',
    'get /api/emails/messages/{message_id}/mime': '200 206 400 403 404 410 416 500 503',
    [`post ${base}/batch/start`]: '202 400 403 413 500 503 507',
    [`post ${base}/batch/pause/{batch_id}`]: '200 400 403 404 409 500 503 507',
    [`post ${base}/batch/continue/{batch_id}`]: '200 400 403 404 409 500 503 507',
    [`post ${base}/batch/cancel/{batch_id}`]: '200 400 403 404 409 500 503 507',
    [`get ${base}/batch/status/{batch_id}`]: '200 400 403 404 500 503',
    [`get ${base}/batch/result/{batch_id}`]: '200 202 400 403 404 500 503',
    [`get ${base}/batch/users/{batch_id}`]: '200 400 403 404 500 503',
  })
})

test('every operation has a summary, a name of its own, and words for each answer', async () => {
  const { paths } = await openApiDocument()
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods))
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length)
  for (const { operationId = '', summary, responses } of operations) {
    assert.ok(summary, operationId)
    for (const { description } of Object.values(responses))
      assert.notEqual(description, 'Default Response', operationId)
  }
})

test('the docs need no other host', async () => {
  const { server } = aServer()
  const page = await server.inject('/docs')
  assert.equal(page.statusCode, 200)
  assert.doesNotMatch(page.body, /(?:src|href)="(?:https?:)?\/\//)
  for (const [, path] of page.body.matchAll(/(?:src|href)="([^"]+)"/g)) {
    assert.equal((await server.inject(path ?? '')).statusCode, 200)
  }
})
