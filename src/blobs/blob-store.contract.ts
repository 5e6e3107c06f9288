import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { type Blob, BlobDamagedError, type BlobStore, type Sha256 } from '../copying/blob-store.ts'

const MIB = 1024 * 1024

/** What a store takes to be bounded: far above what it needs, far below the 200 MiB that pass through it. */
const MAX_GROWTH_BYTES = 100 * MIB

/** A store over a place of its own, which disposing throws away. */
export interface OpenBlobStore extends AsyncDisposable {
  store: BlobStore
  /** A store over the same place, as another process has it. */
  another(): Promise<BlobStore>
  /** Puts other bytes under the name of a blob, behind the store's back. */
  overwrite(sha256: Sha256, bytes: Uint8Array): Promise<void>
  /** The names of the blobs that are there. */
  names(): Promise<string[]>
  /** How many files hold bytes that are still arriving. */
  countUnfinished(): Promise<number>
}

/** What every store of blobs must do; each adapter's test opens one and runs these. */
export function blobStoreContract(open: () => Promise<OpenBlobStore>): void {
  test('what was put is there under the SHA-256 of its bytes, and is read back', async () => {
    await using place = await open()
    const bytes = someBytes(100_000)
    const blob = await place.store.put(inChunks(bytes, 1_000))
    assert.deepEqual(blob, blobOf(bytes))
    assert.equal(await place.store.has(blob), true)
    assert.deepEqual(await readAll(place.store, blob), bytes)
    assert.equal(await place.countUnfinished(), 0)
  })

  test('another process finds what one has put', async () => {
    await using place = await open()
    const blob = await place.store.put(inChunks(someBytes(5_000)))
    const another = await place.another()
    assert.equal(await another.has(blob), true)
    assert.deepEqual(await readAll(another, blob), someBytes(5_000))
  })

  test('a blob may be empty', async () => {
    await using place = await open()
    const blob = await place.store.put(inChunks(Buffer.alloc(0)))
    assert.deepEqual(blob, blobOf(Buffer.alloc(0)))
    assert.equal(await place.store.has(blob), true)
    assert.deepEqual(await readAll(place.store, blob), Buffer.alloc(0))
  })

  test('a range has both its ends', async () => {
    await using place = await open()
    const bytes = someBytes(10 * MIB + 7)
    const blob = await place.store.put(inChunks(bytes, MIB))
    const ranges = [
      [0, 0],
      [0, bytes.length - 1],
      [bytes.length - 1, bytes.length - 1],
      [4 * MIB - 1, 4 * MIB],
      [17, 9 * MIB],
    ] as const
    for (const [first, last] of ranges) {
      const read = await readAll(place.store, blob, { first, last })
      assert.ok(read?.equals(bytes.subarray(first, last + 1)), `${first} to ${last}`)
    }
  })

  test('equal bytes are kept once', async () => {
    await using place = await open()
    const before = await place.names()
    const first = await place.store.put(inChunks(someBytes(9_000), 100))
    const again = await place.store.put(inChunks(someBytes(9_000), 4_000))
    assert.deepEqual(again, first)
    assert.deepEqual(await addedSince(before, place), [first.sha256])
  })

  for (const size of [9_000, 9 * MIB]) {
    test(`equal bytes that are put at once from many places are kept once, and whole: ${size} bytes`, async () => {
      await using place = await open()
      const before = await place.names()
      const stores = [place.store, place.store, await place.another(), await place.another()]
      const blobs = await Promise.all(stores.map((store) => store.put(inChunks(someBytes(size), 64 * 1024))))
      const [blob = assert.fail()] = blobs
      assert.deepEqual(new Set(blobs.map(({ sha256 }) => sha256)).size, 1)
      assert.deepEqual(await addedSince(before, place), [blob.sha256])
      assert.ok((await readAll(place.store, blob))?.equals(someBytes(size)))
      assert.equal(await place.countUnfinished(), 0)
    })
  }

  test('what was never put is not there, and neither is a blob of another size', async () => {
    await using place = await open()
    const missing = blobOf(someBytes(10))
    assert.equal(await place.store.has(missing), false)
    assert.equal(await place.store.read(missing), undefined)
    assert.equal(await place.store.read(missing, { first: 0, last: 5 }), undefined)

    const blob = await place.store.put(inChunks(someBytes(10)))
    assert.equal(await place.store.has({ ...blob, size: 11 }), false)
    assert.equal(await place.store.read({ ...blob, size: 11 }), undefined)
  })

  test('a source that fails half way fails the put with its own error, and nothing stays behind', async () => {
    await using place = await open()
    const before = await place.names()
    const failure = new Error('the connection broke')
    async function* breaksOff(): AsyncGenerator<Uint8Array> {
      yield* inChunks(someBytes(6 * MIB), 64 * 1024)
      throw failure
    }
    await assert.rejects(place.store.put(breaksOff()), failure)
    assert.deepEqual(await addedSince(before, place), [])
    assert.equal(await place.countUnfinished(), 0)
  })

  test('after a source that failed, the same bytes can be put', async () => {
    await using place = await open()
    async function* breaksOff(): AsyncGenerator<Uint8Array> {
      yield someBytes(1_000)
      throw new Error('the connection broke')
    }
    await assert.rejects(place.store.put(breaksOff()))
    const blob = await place.store.put(inChunks(someBytes(2_000)))
    assert.deepEqual(await readAll(place.store, blob), someBytes(2_000))
  })

  test('a torn blob is not there, and putting its bytes again mends it', async () => {
    await using place = await open()
    const bytes = someBytes(50_000)
    const blob = await place.store.put(inChunks(bytes))
    await place.overwrite(blob.sha256, bytes.subarray(0, 20_000))
    assert.equal(await place.store.has(blob), false)
    assert.equal(await place.store.read(blob), undefined)

    await place.store.put(inChunks(bytes))
    assert.deepEqual(await readAll(place.store, blob), bytes)
  })

  test('reading wrong bytes of the right size ends with an error, and putting the right ones again mends it', async () => {
    await using place = await open()
    const bytes = someBytes(50_000)
    const blob = await place.store.put(inChunks(bytes))
    await place.overwrite(blob.sha256, Buffer.alloc(50_000))
    await assert.rejects(readAll(place.store, blob), BlobDamagedError)

    await place.store.put(inChunks(bytes))
    assert.deepEqual(await readAll(place.store, blob), bytes)
  })

  test('a blob that is removed before it is read to its end is found to be damaged', async () => {
    await using place = await open()
    const blob = await place.store.put(inChunks(someBytes(50_000)))
    const read = await place.store.read(blob)
    await place.store.delete(blob.sha256)
    assert.ok(read)
    await assert.rejects(collect(read), BlobDamagedError)
  })

  test('a deleted blob is gone, and deleting it again is harmless', async () => {
    await using place = await open()
    const before = await place.names()
    const blob = await place.store.put(inChunks(someBytes(1_000)))
    await place.store.delete(blob.sha256)
    assert.equal(await place.store.has(blob), false)
    assert.deepEqual(await addedSince(before, place), [])
    await place.store.delete(blob.sha256)

    await place.store.put(inChunks(someBytes(1_000)))
    assert.equal(await place.store.has(blob), true)
  })

  test('a blob of 200 MiB passes through in little memory, both ways', async () => {
    await using place = await open()
    const size = 200 * MIB
    const memory = new PeakMemory()
    const blob = await place.store.put(memory.watch(manyBytes(size)))
    assert.equal(blob.size, size)

    let read = 0
    for await (const chunk of memory.watch((await place.store.read(blob)) ?? assert.fail())) read += chunk.length
    assert.equal(read, size)
    assert.ok(memory.growthBytes < MAX_GROWTH_BYTES, `memory grew by ${Math.round(memory.growthBytes / MIB)} MiB`)
  })

  test('sweeping takes nothing from a put that is under way, here or in another process', async () => {
    await using place = await open()
    const another = await place.another()
    const bytes = someBytes(100_000)
    async function* sweptInBetween(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 40_000)
      await place.store.sweep()
      await another.sweep()
      yield bytes.subarray(40_000)
    }
    const blob = await place.store.put(sweptInBetween())
    await another.sweep()
    assert.deepEqual(await readAll(place.store, blob), bytes)
  })
}

/** The same bytes each time, and other ones for each size. */
export function someBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size, createHash('sha512').update(String(size)).digest())
  for (let at = 0; at + 4 <= size; at += 4096) bytes.writeUInt32LE(at, at) // so that no block equals another
  return bytes
}

export async function* inChunks(bytes: Uint8Array, chunkBytes = 16 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}

async function* manyBytes(size: number): AsyncGenerator<Uint8Array> {
  const block = someBytes(MIB)
  for (let at = 0; at < size; at += MIB) {
    block.writeUInt32LE(at, 0)
    for (let part = 0; part < MIB; part += 64 * 1024) yield block.subarray(part, part + 64 * 1024)
  }
}

export function blobOf(bytes: Uint8Array): Blob {
  return { sha256: createHash('sha256').update(bytes).digest('hex') as Sha256, size: bytes.length }
}

export async function readAll(store: BlobStore, ...what: Parameters<BlobStore['read']>): Promise<Buffer | undefined> {
  const read = await store.read(...what)
  return read && collect(read)
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function addedSince(before: string[], place: OpenBlobStore): Promise<string[]> {
  return (await place.names()).filter((name) => !before.includes(name))
}

class PeakMemory {
  readonly #before = process.memoryUsage.rss()
  #peak = this.#before

  get growthBytes(): number {
    return this.#peak - this.#before
  }

  async *watch(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      this.#peak = Math.max(this.#peak, process.memoryUsage.rss())
      yield chunk
    }
  }
}
