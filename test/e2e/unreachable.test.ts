import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectCopy } from '../support/copies.ts'
import { Service, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const USER = 'user@example.com'

function at(url: string): NodeJS.ProcessEnv {
  return { OUTLOOK_GRAPH_URL: url, OUTLOOK_LOGIN_URL: url }
}

test('a Graph whose name cannot be resolved is waited for, visibly; once it can be, the run goes on by itself', async () => {
  await using simulator = await startSimulator()
  using folder = new TempFolder()
  // RFC 6761: no name below .invalid ever resolves.
  await using cutOff = await Service.start(simulator, folder, at('https://graph.invalid'))
  await cutOff.client.start('c', { user_upn: USER })
  const waiting = await until('a reason', async () => {
    const record = await cutOff.client.status('c')
    return record.status !== 'not_started' && record.waiting_for ? record : undefined
  })
  assert.match(waiting.waiting_for ?? '', /cannot be reached/)
  await cutOff.stop()

  await using connected = await Service.start(simulator, folder)
  await untilStatus(connected.client, 'c', 'completed')
  await assertPerfectCopy(simulator, folder, USER)
})

test('a Graph with a certificate that nobody vouches for gets no token, and the error names the cure', async () => {
  await using simulator = await startSimulator()
  await using impostor = await startSimulator({ demo: false })
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder, at(impostor.url))
  await service.client.start('c', { user_upn: USER })
  const failed = await untilStatus(service.client, 'c', 'failed')
  assert.equal(failed.error_code, 'graph_unavailable')
  assert.match(failed.error ?? '', /certificate of the server is not trusted .* NODE_EXTRA_CA_CERTS/)
  assert.equal(impostor.stats().requests, 0)
})
