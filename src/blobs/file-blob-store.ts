import { statSync } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../clock.ts'
import { type Blob, BlobDamagedError, type BlobStore, type ByteRange, type Sha256 } from '../copying/blob-store.ts'
import { blobPath } from './blob-path.js'
import { onDisk } from './disk-error.ts'
import { Spool } from './spool.ts'
import { verified } from './verified.ts'

/**
 * Blobs as files: `ab/abcdef…`, in 256 folders by their first two digits. The spool lies in the same file system, so
 * that a rename makes a blob appear whole or not at all.
 */
export class FileBlobStore implements BlobStore {
  readonly #root: string
  readonly #spool: Spool

  private constructor(root: string, spool: Spool) {
    this.#root = root
    this.#spool = spool
  }

  static async open(root: string, clock: Clock): Promise<FileBlobStore> {
    await onDisk(root, () => makeFolders(root))
    return new FileBlobStore(root, await Spool.open(join(root, 'incoming'), clock))
  }

  /** Also over a blob that is there already: nobody has looked whether that one is sound. */
  put(bytes: AsyncIterable<Uint8Array>): Promise<Blob> {
    return this.#spool.keep(bytes, this.#root)
  }

  async has(blob: Blob): Promise<boolean> {
    return onDisk(this.#root, async () => {
      try {
        // Not by another thread: those may all be waiting for the disk, and the database waits for this answer.
        const found = statSync(this.#pathOf(blob.sha256))
        return found.isFile() && found.size === blob.size
      } catch (error) {
        return unlessMissing(error, false)
      }
    })
  }

  async read(blob: Blob, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined> {
    if (!(await this.has(blob))) return undefined
    return verified(this.#bytesOf(blob, range), blob, range)
  }

  /** Opened by whoever begins to read, so that an answer nobody reads holds no file open. */
  async *#bytesOf(blob: Blob, range: ByteRange | undefined): AsyncGenerator<Uint8Array> {
    const handle = await onDisk(this.#root, async () => {
      try {
        return await open(this.#pathOf(blob.sha256), 'r')
      } catch (error) {
        return unlessMissing(error, undefined)
      }
    })
    if (!handle) throw new BlobDamagedError(blob, 'it was removed before it could be read')
    await using stream = handle.createReadStream(range ? { start: range.first, end: range.last } : {})
    const chunks: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]()
    for (;;) {
      const { done, value } = await onDisk(this.#root, () => chunks.next())
      if (done) return
      yield value
    }
  }

  async delete(sha256: Sha256): Promise<void> {
    await onDisk(this.#root, () => rm(this.#pathOf(sha256), { force: true }))
  }

  sweep(): Promise<void> {
    return this.#spool.sweep()
  }

  close(): Promise<void> {
    return this.#spool.close()
  }

  #pathOf(sha256: Sha256): string {
    return blobPath(this.#root, sha256)
  }
}

/** All at once and only here: should the disk be taken away in mid-run, a put fails rather than fill the mount point. */
async function makeFolders(root: string): Promise<void> {
  const topmost = await mkdir(root, { recursive: true, mode: 0o700 })
  for (let number = 0; number < 256; number++) {
    await mkdir(join(root, number.toString(16).padStart(2, '0')), { recursive: true, mode: 0o700 })
  }
  await syncFolder(root)
  if (topmost === undefined) return
  let made = root
  do {
    made = dirname(made)
    await syncFolder(made)
  } while (made !== dirname(topmost))
}

/** A name is on the disk for good only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

function unlessMissing<Answer>(error: unknown, answer: Answer): Answer {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return answer
  throw error
}
