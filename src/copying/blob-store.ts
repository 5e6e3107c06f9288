import type { Branded } from '../extractions/extraction.ts'

/** 64 hex digits, lower case. */
export type Sha256 = Branded<string, 'Sha256'>

/** The bytes of an attachment or of a message's MIME, known by what they are. */
export interface Blob {
  sha256: Sha256
  /** In bytes. */
  size: number
}

/** Part of a blob, in bytes from its start; both ends belong to it and lie within its size. */
export interface ByteRange {
  first: number
  last: number
}

/** Bytes kept under their own hash, so equal bytes are kept once. Many places and processes may use one at once. */
export interface BlobStore {
  /**
   * Takes all the bytes, no faster than it can keep them, and answers once they are there whole and for good. Keeps no piece
   * once it has asked for the next.
   * Putting the same bytes again is harmless, and mends what stands under their name torn or overwritten.
   * When `bytes` fails, its error is thrown on and nothing stays behind.
   */
  put(bytes: AsyncIterable<Uint8Array>): Promise<Blob>
  /** Whether it is there in its full size. */
  has(blob: Blob): Promise<boolean>
  /**
   * All its bytes, or a range of them; undefined where it is missing or has another size. A whole read ends with
   * BlobDamagedError when the bytes do not have the hash, and every read does when bytes are missing.
   */
  read(blob: Blob, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined>
  /** Harmless where it is not there. */
  delete(sha256: Sha256): Promise<void>
  /** Removes what killed processes left half written, and nothing that a living one is writing. Called once, at start. */
  sweep(): Promise<void>
  close(): Promise<void>
}

/** What is kept under a hash does not have it. Putting the right bytes again mends it. */
export class BlobDamagedError extends Error {
  override readonly name = 'BlobDamagedError'

  constructor(blob: Blob, what: string) {
    super(`Blob ${blob.sha256} is damaged: ${what}`)
  }
}
