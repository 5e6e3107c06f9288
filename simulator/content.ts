import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Bytes that need not be held: how many is known before, and every walk gives the same ones, piece by piece. */
export class Content {
  readonly size: number
  private readonly walk: () => Iterable<Buffer>

  constructor(size: number, walk: () => Iterable<Buffer>) {
    this.size = size
    this.walk = walk
  }

  static of(...parts: readonly (string | Buffer | Content)[]): Content {
    const contents = parts.map((part) => (part instanceof Content ? part : fixed(part)))
    return new Content(
      contents.reduce((sum, { size }) => sum + size, 0),
      function* () {
        for (const content of contents) yield* content.pieces()
      },
    )
  }

  pieces(): Iterable<Buffer> {
    return this.walk()
  }

  /** So much of its beginning. */
  first(size: number): Content {
    const end = Math.min(size, this.size)
    const { walk } = this
    return new Content(end, function* () {
      let left = end
      for (const piece of walk()) {
        if (left <= 0) return
        yield piece.subarray(0, left)
        left -= piece.length
      }
    })
  }

  /** All of it at once: for what is known to be small. */
  bytes(): Buffer {
    return Buffer.concat([...this.walk()])
  }
}

function fixed(part: string | Buffer): Content {
  const bytes = Buffer.from(part as Buffer)
  return new Content(bytes.length, () => [bytes])
}

/** The same bytes as base64; `lineLength` breaks it into lines as mail does, the last one without its end. */
export function base64Of(content: Content, lineLength?: number): Content {
  const length = Math.ceil(content.size / 3) * 4
  if (lineLength === undefined) return new Content(length, () => encoded(content.pieces()))
  const breaks = Math.max(0, Math.ceil(length / lineLength) - 1)
  return new Content(length + breaks * 2, () => inLines(encoded(content.pieces()), lineLength))
}

export interface Digest {
  size: number
  sha256: string
}

// Between such amounts others get their turn.
const HASHED_AT_A_TIME = 4 * 1024 * 1024

/** Size and hash, without holding the content. */
export async function digestOf(content: Content): Promise<Digest> {
  const hash = createHash('sha256')
  let sinceTurn = 0
  for (const piece of content.pieces()) {
    hash.update(piece)
    sinceTurn += piece.length
    if (sinceTurn < HASHED_AT_A_TIME) continue
    sinceTurn = 0
    await nextTurn()
  }
  return { size: content.size, sha256: hash.digest('hex') }
}

function* encoded(pieces: Iterable<Buffer>): Generator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for (const piece of pieces) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, piece]) : piece
    const whole = bytes.length - (bytes.length % 3)
    rest = bytes.subarray(whole)
    if (whole > 0) yield Buffer.from(bytes.toString('base64', 0, whole), 'latin1')
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1')
}

function* inLines(pieces: Iterable<Buffer>, lineLength: number): Generator<Buffer> {
  const everyLine = new RegExp(`[^]{${lineLength}}`, 'g')
  let rest = ''
  for (const piece of pieces) {
    const text = rest + piece.toString('latin1')
    // A whole line stays behind, since only what follows tells whether it has an end.
    const whole = Math.max(0, Math.ceil(text.length / lineLength) - 1) * lineLength
    rest = text.slice(whole)
    if (whole > 0) yield Buffer.from(text.slice(0, whole).replace(everyLine, '$&\r\n'), 'latin1')
  }
  if (rest.length > 0) yield Buffer.from(rest, 'latin1')
}
