import { createCipheriv } from 'node:crypto'
import { Content } from './content.ts'
import { mix } from './random.ts'

// A multiple of three, so that base64 never has to carry bytes from piece to piece.
const PIECE = 48 * 1024
const POOL = 2 * 1024 * 1024
const START = 24

let pool: Buffer | undefined

/** Bytes without order, made once. Everything seeded is cut from them: a slice costs nothing, however many are served. */
function noise(): Buffer {
  pool ??= createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(POOL))
  return pool
}

/** As many bytes as wanted, different for every seed and number, the same in every process. */
export function seededContent(seed: number, number: number, size: number): Content {
  return new Content(size, function* () {
    // Two contents may begin at one place of the pool; their first bytes tell them apart all the same.
    const start = Buffer.alloc(START)
    start.write('SEED', 'latin1')
    start.writeUInt32BE(seed >>> 0, 4)
    start.writeDoubleBE(number, 8)
    start.writeDoubleBE(size, 16)
    for (let position = 0; position < size; position += PIECE) {
      const length = Math.min(PIECE, size - position)
      const from = mix(seed, number, position) % (POOL - PIECE)
      const slice = noise().subarray(from, from + length)
      yield position > 0 ? slice : Buffer.concat([start, slice.subarray(START)]).subarray(0, length)
    }
  })
}
