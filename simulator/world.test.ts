import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startSimulator } from './simulator.ts'
import { TestClient } from './test-client.ts'
import { truthOf } from './truth.ts'
import { World } from './world.ts'

const ADELE = 'adele.vance@contoso.example'

function fingerprint(seed: string): string {
  const mailbox = new World({ seed, demo: true, mailboxes: [] }).directory.findUser(ADELE)?.mailbox
  const hash = createHash('sha256')
  for (const line of mailbox ? truthOf(mailbox) : []) {
    hash.update(JSON.stringify(line))
    const message = line.type === 'message' ? mailbox?.findMessage(line.id) : undefined
    hash.update(message?.content.html() ?? '')
  }
  return hash.digest('hex')
}

test('the same seed shows the same world in another process, another seed another one', async () => {
  const program = `import { startSimulator } from './simulator/simulator.ts'
    import { createHash } from 'node:crypto'
    const { World } = await import('./simulator/world.ts')
    const { truthOf } = await import('./simulator/truth.ts')
    ${fingerprint.toString()}
    const ADELE = '${ADELE}'
    console.log(fingerprint('demo'))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    cwd: new URL('..', import.meta.url),
  })
  assert.equal(stdout.trim(), fingerprint('demo'))
  assert.notEqual(fingerprint('demo'), fingerprint('other'))
})

test('a mailbox of a million messages is listed at its far end without being held in memory', async () => {
  await using simulator = await startSimulator({ demo: false, mailboxes: [{ name: 'million', messages: 1_000_000 }] })
  await using client = new TestClient(simulator)
  const messages = '/users/million@example.com/mailFolders/inbox/messages'
  assert.equal((await client.get(`${messages}/$count`)).text, '1000000')
  const heapBefore = process.memoryUsage().heapUsed
  const end = await client.walk(`${messages}?$top=500&$skip=998000&$select=id,receivedDateTime`)
  assert.equal(end.items.length, 2000)
  const oldest = await client.get(
    `${messages}?$filter=receivedDateTime ge 1990-01-01T00:00:00Z&$orderby=receivedDateTime asc&$top=1000&$select=id`,
  )
  assert.equal(oldest.body.value[0]?.id, end.items.at(-1)?.id)

  // With changes in it the far end is found just the same.
  simulator.mutate({
    user: 'million@example.com',
    type: 'delete',
    hard: true,
    folder: 'inbox',
    position: 500_000,
    count: 10,
  })
  const last = await client.walk(`${messages}?$top=1000&$skip=999000&$select=id`)
  assert.equal(last.items.length, 990)
  assert.equal(last.items.at(-1)?.id, end.items.at(-1)?.id)
  assert.ok(process.memoryUsage().heapUsed - heapBefore < 100e6)
})

test('a mailbox spread over folders has them from large to small, three deep, and misses no message', async () => {
  await using simulator = await startSimulator({
    demo: false,
    mailboxes: [{ name: 'wide', messages: 20_000, folderCount: 40 }],
  })
  const lines = [...simulator.truth('wide@example.com')]
  const folders = lines.filter((line) => line.type === 'folder' && line.listed && line.total > 0)
  const sizes = folders.map((line) => (line.type === 'folder' ? line.total : 0)).sort((one, other) => other - one)
  assert.deepEqual([sizes.length, sizes[0], sizes[1], sizes.at(-1)], [40, 4696, 2337, 116])
  assert.equal(lines.filter((line) => line.type === 'message').length, 20_000)
  const depths = folders.map((line) => (line.type === 'folder' ? line.path.split('/').length : 0))
  assert.equal(Math.max(...depths), 3)
})
