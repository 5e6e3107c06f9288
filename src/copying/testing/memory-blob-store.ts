import { createHash } from 'node:crypto'
import type { Blob, BlobStore, ByteRange, Sha256 } from '../blob-store.ts'

/** Blobs in memory, where a test is about something else. */
export class MemoryBlobStore implements BlobStore {
  readonly blobs = new Map<Sha256, Buffer>()

  async put(bytes: AsyncIterable<Uint8Array>): Promise<Blob> {
    const chunks: Uint8Array[] = []
    for await (const chunk of bytes) chunks.push(Buffer.from(chunk))
    const content = Buffer.concat(chunks)
    const sha256 = createHash('sha256').update(content).digest('hex') as Sha256
    this.blobs.set(sha256, content)
    return { sha256, size: content.length }
  }

  async has({ sha256, size }: Blob): Promise<boolean> {
    return this.blobs.get(sha256)?.length === size
  }

  async read({ sha256 }: Blob, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined> {
    const content = this.blobs.get(sha256)
    return content && inOneChunk(range ? content.subarray(range.first, range.last + 1) : content)
  }

  async delete(sha256: Sha256): Promise<void> {
    this.blobs.delete(sha256)
  }

  async sweep(): Promise<void> {}
  async close(): Promise<void> {}
}

async function* inOneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
