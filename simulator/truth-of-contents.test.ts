import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { ControlClient } from './control-client.ts'
import { startSimulator } from './simulator.ts'
import { TestClient } from './test-client.ts'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

test('the truth tells size and hash of everything that $value gives, and hashes only when asked to', async () => {
  await using simulator = await startSimulator({ demo: false, mailboxes: [{ name: 'samples', messages: 130 }] })
  await using client = new TestClient(simulator)
  await using control = new ControlClient(simulator.url, simulator.ca)
  const lines: object[] = []
  const kinds = new Set<string>()
  for await (const line of simulator.truthOfContents('samples@example.com')) {
    lines.push(line)
    if (line.type !== 'message') continue
    const path = `/users/samples@example.com/messages/${line.id}`
    const mime = await client.bytes(`${path}/$value`)
    assert.equal(mime.contentType, 'text/plain')
    assert.deepEqual(line.mime, { size: mime.bytes.length, sha256: sha256(mime.bytes) })
    const listed = (await client.get(`${path}/attachments`, { prefer: 'IdType="ImmutableId"' })).body.value
    assert.deepEqual(
      listed.map(({ id, name, contentType, isInline, contentId = null, size }) => [
        id,
        name,
        contentType,
        isInline,
        contentId,
        size,
      ]),
      line.attachments.map((one) => [one.id, one.name, one.content_type, one.is_inline, one.content_id, one.size]),
    )
    for (const attachment of line.attachments) {
      kinds.add(attachment.kind)
      if (attachment.kind === 'reference') assert.equal(attachment.sha256, null)
      else {
        const { bytes } = await client.bytes(`${path}/attachments/${attachment.id}/$value`)
        assert.deepEqual([attachment.content_size, attachment.sha256], [bytes.length, sha256(bytes)])
      }
    }
  }
  assert.equal(kinds.size, 3)
  const told: object[] = []
  for await (const line of control.truthOfContents('samples@example.com')) told.push(line)
  assert.deepEqual(told, lines)
  for (const line of simulator.truth('samples@example.com')) assert.equal('attachments' in line, false)
})
