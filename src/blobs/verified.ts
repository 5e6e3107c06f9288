import { createHash } from 'node:crypto'
import { type Blob, BlobDamagedError, type ByteRange } from '../copying/blob-store.ts'

/** The same bytes, with an error at their end when they are not those of the blob. */
export async function* verified(
  bytes: AsyncIterable<Uint8Array>,
  blob: Blob,
  range: ByteRange | undefined,
): AsyncGenerator<Uint8Array> {
  const expected = range ? range.last - range.first + 1 : blob.size
  const hash = range ? undefined : createHash('sha256')
  let size = 0
  for await (const chunk of bytes) {
    hash?.update(chunk)
    size += chunk.length
    yield chunk
  }
  if (size !== expected) throw new BlobDamagedError(blob, `${size} of ${expected} bytes could be read`)
  if (hash && hash.digest('hex') !== blob.sha256) throw new BlobDamagedError(blob, 'its bytes have another hash')
}
