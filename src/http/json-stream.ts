import { Readable } from 'node:stream'
import type { Slice } from '../extractions/extraction-store.ts'

// Large enough that few writes are made, small enough that a thousand slow readers cost little.
const CHUNK_CHARACTERS = 64 * 1024

/** Every item of a keyset listing. A slice is asked for when the one before is used up, so memory holds one. */
export async function* eachItem<Item, Cursor>(
  listAfter: (after: Cursor | undefined) => Promise<Slice<Item, Cursor>>,
): AsyncGenerator<Item> {
  let after: Cursor | undefined
  do {
    const { items, next } = await listAfter(after)
    yield* items
    after = next ?? undefined
  } while (after !== undefined)
}

/** `"name":[…]` with every item as `toJson` writes it. */
export async function* jsonList<Item>(
  name: string,
  items: AsyncIterable<Item>,
  toJson: (item: Item) => string = JSON.stringify,
): AsyncGenerator<string> {
  yield* between(`"${name}":[`, items, toJson, ']')
}

/** `"name":{…}`, where `toJson` writes each item as a name and its value. */
export async function* jsonMap<Item>(
  name: string,
  items: AsyncIterable<Item>,
  toJson: (item: Item) => string,
): AsyncGenerator<string> {
  yield* between(`"${name}":{`, items, toJson, '}')
}

async function* between<Item>(
  open: string,
  items: AsyncIterable<Item>,
  toJson: (item: Item) => string,
  close: string,
): AsyncGenerator<string> {
  yield open
  let comma = ''
  for await (const item of items) {
    yield comma + toJson(item)
    comma = ','
  }
  yield close
}

/**
 * One JSON object: the members of `head`, then each of `members`, then those of `tail`; written as fast as it is read.
 * When a slice fails, the stream fails: the connection breaks off, and nobody takes half an answer for a whole one.
 */
export function jsonObjectStream(
  head: Readonly<Record<string, unknown>>,
  members: readonly AsyncIterable<string>[],
  tail: Readonly<Record<string, unknown>> = {},
): Readable {
  return Readable.from(inChunks(pieces(head, members, tail)), {
    objectMode: false,
    highWaterMark: CHUNK_CHARACTERS,
  })
}

async function* pieces(
  head: Readonly<Record<string, unknown>>,
  members: readonly AsyncIterable<string>[],
  tail: Readonly<Record<string, unknown>>,
): AsyncGenerator<string> {
  yield JSON.stringify(head).slice(0, -1)
  for (const member of members) {
    yield ','
    yield* member
  }
  const rest = JSON.stringify(tail).slice(1, -1)
  yield rest ? `,${rest}}` : '}'
}

// The first chunk leaves after the first slice was read, so a database that is away is still answered with its status.
async function* inChunks(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let chunk = ''
  for await (const text of texts) {
    chunk += text
    if (chunk.length < CHUNK_CHARACTERS) continue
    yield chunk
    chunk = ''
  }
  if (chunk) yield chunk
}
