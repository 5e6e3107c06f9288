import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { base64Of, Content, digestOf } from './content.ts'
import { seededContent } from './seeded-content.ts'

const SIZES = [0, 1, 2, 3, 23, 24, 25, 76, 57, 58, 114, 49_151, 49_152, 49_153, 98_304, 300_000]

test('a content has the size it promises, walk after walk, and its base64 too', () => {
  for (const size of SIZES) {
    const content = seededContent(1, 2, size)
    const bytes = content.bytes()
    assert.equal(bytes.length, size)
    assert.ok(bytes.equals(content.bytes()))
    const encoded = base64Of(content)
    assert.equal(encoded.bytes().toString(), bytes.toString('base64'))
    assert.equal(encoded.size, encoded.bytes().length)
    const lines = base64Of(content, 76)
    assert.equal(lines.bytes().toString(), bytes.toString('base64').replace(/(.{76})(?=.)/g, '$1\r\n'))
    assert.equal(lines.size, lines.bytes().length, String(size))
  }
})

test('contents of odd lengths are joined and encoded without a seam', () => {
  const joined = Content.of('Grüße', seededContent(1, 1, 50_000), Buffer.from([0, 255]), seededContent(1, 2, 1))
  assert.equal(joined.bytes().length, joined.size)
  assert.equal(base64Of(joined).bytes().toString(), joined.bytes().toString('base64'))
})

test('no two seeded contents are equal', async () => {
  const hashes = new Set<string>()
  for (let number = 0; number < 500; number++) hashes.add((await digestOf(seededContent(3, number, 64))).sha256)
  for (const size of [64, 65]) hashes.add((await digestOf(seededContent(4, 1, size))).sha256)
  assert.equal(hashes.size, 502)
})

test('size and hash of much are found without holding it', async () => {
  const size = 150_000_000
  const before = process.memoryUsage().rss
  let most = 0
  const watched = new Content(size, function* () {
    for (const piece of seededContent(5, 5, size).pieces()) {
      most = Math.max(most, process.memoryUsage.rss())
      yield piece
    }
  })
  const digest = await digestOf(watched)
  const hash = createHash('sha256')
  for (const piece of seededContent(5, 5, size).pieces()) hash.update(piece)
  assert.deepEqual(digest, { size, sha256: hash.digest('hex') })
  assert.ok(most - before < 60_000_000, `${most - before} bytes more`)
})
