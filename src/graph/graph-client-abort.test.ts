import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { arrange, page } from './testing/client.ts'
import { settled } from './testing/clocks.ts'
import { json } from './testing/scripted-server.ts'

describe('aborting the signal of a client', () => {
  const reason = new Error('paused')
  const isReason = (error: unknown) => error === reason

  test('ends a request in flight, with the reason of the signal', async (t) => {
    const { client, controller, server, request } = await arrange(t, [() => {}])
    const answer = assert.rejects(client.get(request), isReason)
    while (server.requests.length === 0) await settled()
    controller.abort(reason)
    await answer
  })

  test('ends a body half read', async (t) => {
    const { client, controller, server, request } = await arrange(t, [
      (_, response) => void response.writeHead(200).write('{'),
    ])
    const answer = assert.rejects(client.get(request), isReason)
    while (server.requests.length === 0) await settled()
    for (let i = 0; i < 10; i++) await settled()
    controller.abort(reason)
    await answer
  })

  test('ends a wait in the queue and gives nothing back to be sent', async (t) => {
    const { client, controller, limiter, server, request, clock } = await arrange(t, [json(page)])
    clock.sleep = (_ms, signal) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    limiter.fence(clock.now() + 60_000, 'throttled')
    const answer = assert.rejects(client.get(request), isReason)
    assert.equal(client.waitingFor(), 'throttled')
    controller.abort(reason)
    await answer
    assert.equal(server.requests.length, 0)
  })

  test('before anything begins sends nothing', async (t) => {
    const { client, controller, server, request } = await arrange(t, [json(page)])
    controller.abort(reason)
    await assert.rejects(client.get(request), isReason)
    assert.equal(server.requests.length, 0)
  })
})
