import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { startSimulator } from './simulator.ts'

test('a simulator that ends takes the file of its certificate with it', async () => {
  const simulator = await startSimulator({ demo: false })
  assert.ok(existsSync(simulator.caFile))
  await simulator.close()
  assert.ok(!existsSync(dirname(simulator.caFile)))
})
