import type { OnReadOpts, Socket } from 'node:net'

/*
 * What comes over a socket lies outside of V8's heap, in pieces of 16 kB (a record of TLS), and is garbage as soon as it is
 * written down. V8 collects its whole heap each time some twenty megabytes of it have gathered: with a gigabyte of attachments
 * that took a third of all processor time. So we give back ourselves what a streamed body has brought.
 */

/** Made below, and not cut from the memory that Node's buffers share: only these may be given back. */
const ours = new WeakSet<ArrayBufferLike>()

/** For sockets: each piece in memory of its own. */
export const readIntoMemoryOfItsOwn: OnReadOpts = {
  buffer: Buffer.allocUnsafeSlow(64 * 1024), // what libuv reads at once
  callback(this: Socket, length: number, bytes: Uint8Array): boolean {
    const piece = Buffer.allocUnsafeSlow(length)
    piece.set(bytes.subarray(0, length))
    ours.add(piece.buffer)
    return this.push(piece)
  },
}

/** The memory of one body's pieces, given back as they pass. */
export class PassingMemory {
  #last: ArrayBufferLike | undefined

  /**
   * The piece before has been taken. Several may lie in the memory of one read, between the lengths of a chunked body, so it is
   * given back when one comes that lies elsewhere: pieces keep their order. The last is left to the garbage collector, for
   * what follows the body may lie in its memory too.
   */
  comes({ buffer }: Uint8Array): void {
    const last = this.#last
    this.#last = buffer
    if (last && last !== buffer && last instanceof ArrayBuffer && ours.has(last)) last.transfer(0)
  }
}
