import { createHash } from 'node:crypto'

// Outlook's ids are base64 with '-' and '_' for '+' and '/', about 150 characters, and differ from item to item
// only near the end, often only in upper and lower case. A client that folds case loses mail; so must it lose it here.

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const MUTABLE_START = [0x00, 0x03, 0x24] // reads "AAMk"
const IMMUTABLE_START = [0x00, 0x09, 0x00] // reads "AAkA"
const NUMBER_LENGTH = 8
const END = 'AAA='

interface MessageAddress {
  key: number
  /** How often the message has moved: the part that makes a mutable id change. */
  moves: number
  immutable: boolean
}

/** Writes and reads the ids of one mailbox. */
export class MailboxIds {
  private readonly mutable: string
  private readonly immutable: string
  private readonly folders: string

  constructor(objectId: string) {
    const store = createHash('sha512').update(objectId).digest()
    const items = createHash('sha512').update(`items of ${objectId}`).digest()
    this.mutable = urlSafe(Buffer.concat([Buffer.from(MUTABLE_START), store, items]).subarray(0, 99))
    this.immutable = urlSafe(Buffer.concat([Buffer.from(IMMUTABLE_START), store, items]).subarray(0, 99))
    this.folders = urlSafe(Buffer.concat([Buffer.from(MUTABLE_START), store, items]).subarray(0, 75))
  }

  message(key: number, moves: number, immutable: boolean): string {
    if (immutable) return this.immutable + digits(0) + digits(key) + END
    return this.mutable + digits(moves) + digits(key) + END
  }

  findMessage(id: string): MessageAddress | undefined {
    const immutable = id.startsWith(this.immutable)
    if (!immutable && !id.startsWith(this.mutable)) return undefined
    const start = this.mutable.length
    const moves = numberOf(id.slice(start, start + NUMBER_LENGTH))
    const key = numberOf(id.slice(start + NUMBER_LENGTH, start + 2 * NUMBER_LENGTH))
    if (moves === undefined || key === undefined || id !== this.message(key, moves, immutable)) return undefined
    return { key, moves, immutable }
  }

  /** The id of a message goes before the attachment's own number, and is of the same kind. */
  attachment(message: MessageAddress, number: number): string {
    const start = this.message(message.key, message.moves, message.immutable).slice(0, -END.length)
    return `${start}BAAAA${String.fromCharCode(65 + (number % 26))}${number}=`
  }

  findAttachment(id: string): { message: MessageAddress; number: number } | undefined {
    const [, start, digits] = id.match(/^(.*)BAAAA[A-Z](\d{1,6})=$/) ?? []
    const message = start === undefined ? undefined : this.findMessage(start + END)
    const number = Number(digits)
    return message && id === this.attachment(message, number) ? { message, number } : undefined
  }

  folder(number: number): string {
    return this.folders + digits(number) + END
  }

  findFolder(id: string): number | undefined {
    if (!id.startsWith(this.folders)) return undefined
    const number = numberOf(id.slice(this.folders.length, this.folders.length + NUMBER_LENGTH))
    return number !== undefined && id === this.folder(number) ? number : undefined
  }
}

function digits(number: number): string {
  let text = ''
  let rest = number
  for (let place = 0; place < NUMBER_LENGTH; place++) {
    text = DIGITS.charAt(rest % 64) + text
    rest = Math.floor(rest / 64)
  }
  return text
}

function numberOf(text: string): number | undefined {
  let number = 0
  for (const digit of text) {
    const value = DIGITS.indexOf(digit)
    if (value < 0) return undefined
    number = number * 64 + value
  }
  return number
}

function urlSafe(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}
