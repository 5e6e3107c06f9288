import { constants, crc32, deflateRawSync } from 'node:zlib'
import type { Answer } from './answer.ts'
import { concatenatedCrc } from './crc-combine.ts'
import type { Folder } from './folder.ts'
import type { MailContext } from './graph-request.ts'
import type { Mailbox } from './mailbox.ts'
import { type MessageStyle, messageJson } from './message-json.ts'
import type { Page } from './page.ts'

// For benchmarks the simulator must cost next to nothing. Messages are rendered and compressed in blocks of 50, once;
// a page is then a row of ready-made blocks; where it begins or ends within one, that part is made and kept as well.
// Deflate streams that end on a byte with a full flush may be written one behind the other, and still are one gzip stream.

const BLOCK = 50

interface Block {
  deflated: Buffer
  crc: number
  length: number
  lastKey: number
}

interface PreparedRequest {
  folder: Folder
  style: MessageStyle
  position: number
  size: number
  /** The position behind the last message that may be on it; else all of the folder. */
  until?: number
  hasBodies: boolean
  page: Omit<Page, 'items'>
  /** The link behind the page, from the position behind it and its last message. */
  next(end: number, lastKey: number): { nextLink?: string } | { deltaLink?: string }
}

/** The folders that are served so. Empty but for benchmarks. */
const prepared = new WeakMap<Mailbox, Map<string, Block>>()

export function prepareMailbox(mailbox: Mailbox): void {
  if (!prepared.has(mailbox)) prepared.set(mailbox, new Map())
}

/** Undefined when the page has to be made afresh: the mailbox is no prepared one, has changed, or the page lies across blocks. */
export function preparedPage(
  { mailbox, acceptsGzip, shape, poisons }: MailContext,
  { folder, style, position, size, until = folder.messages.length, hasBodies, page, next }: PreparedRequest,
): Answer | undefined {
  const blocks = prepared.get(mailbox)
  if (!blocks || !acceptsGzip || mailbox.sequence > 0 || poisons.length > 0 || Object.keys(shape).length > 0)
    return undefined
  const end = Math.min(position + size, until)
  if (position >= end || folder.spec.searchOf !== undefined) return undefined

  const name = `${folder.number} ${style.delta} ${style.immutableIds} ${style.bodyType} ${style.select}`
  const found: Block[] = []
  for (let start = position; start < end; ) {
    const stop = Math.min(end, start - (start % BLOCK) + BLOCK)
    const key = `${start} ${stop} ${name}`
    const block = blocks.get(key) ?? makeBlock(mailbox, folder, style, start, stop)
    blocks.set(key, block)
    found.push(block)
    start = stop
  }
  // The same links a freshly made page would have.
  const more = end < until || style.delta ? next(end, found.at(-1)?.lastKey ?? 0) : {}
  const head = JSON.stringify({
    '@odata.context': page.context,
    ...(page.count !== undefined && { '@odata.count': page.count }),
    ...('nextLink' in more && { '@odata.nextLink': more.nextLink }),
    ...('deltaLink' in more && { '@odata.deltaLink': more.deltaLink }),
  })
  return {
    status: 200,
    headers: { 'content-type': 'application/json; odata.metadata=minimal', ...page.headers },
    body: undefined,
    encoded: {
      encoding: 'gzip',
      pieces: gzipOf([piece(`${head.slice(0, -1)},"value":[`), ...separated(found), piece(']}')]),
    },
    messages: end - position,
    bodies: hasBodies ? end - position : 0,
    ...('nextLink' in more && more.nextLink !== undefined && { next: more.nextLink }),
  }
}

function makeBlock(mailbox: Mailbox, folder: Folder, style: MessageStyle, start: number, stop: number): Block {
  const items: string[] = []
  let lastKey = 0
  for (const key of folder.messages.keysFrom(start)) {
    const message = mailbox.message(key)
    if (message) items.push(JSON.stringify(messageJson(mailbox, message, style)))
    lastKey = key
    if (items.length === stop - start) break
  }
  return { ...piece(items.join(',')), lastKey }
}

type Piece = Omit<Block, 'lastKey'>

function piece(text: string): Piece {
  const bytes = Buffer.from(text)
  return {
    deflated: deflateRawSync(bytes, { finishFlush: constants.Z_FULL_FLUSH, level: 6 }),
    crc: crc32(bytes),
    length: bytes.length,
  }
}

const COMMA = piece(',')

function separated(blocks: readonly Block[]): Piece[] {
  return blocks.flatMap((block, index) => (index === 0 ? [block] : [COMMA, block]))
}

const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
const LAST_EMPTY_BLOCK = Buffer.from([0x03, 0x00])

function gzipOf(pieces: readonly Piece[]): Buffer[] {
  let crc = 0
  let length = 0
  for (const part of pieces) {
    crc = concatenatedCrc(crc, part.crc, part.length)
    length += part.length
  }
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc, 0)
  trailer.writeUInt32LE(length % 2 ** 32, 4)
  return [GZIP_HEADER, ...pieces.map(({ deflated }) => deflated), LAST_EMPTY_BLOCK, trailer]
}
