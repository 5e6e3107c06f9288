import type { Attachment, AttachmentId } from '../copying/attachment.ts'
import type { Reading, Sink } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import { EmptyAnswerError, isShrink, isSkip } from './failure.ts'
import { type GraphClient, statusCodeOf } from './graph-client.ts'
import type { GraphUrl } from './graph-url.ts'
import { itemOf, itemsOf } from './read-collection.ts'
import { readItem } from './read-item.ts'
import { contentOf, kindOf, toAttachment } from './to-attachment.ts'
import { ATTACHMENT_FIELDS, type WireAttachment } from './wire.ts'

interface GraphContentsParts {
  client: GraphClient
  graphUrl: GraphUrl
  /** `/users/{id}` */
  user: string
  /** Throws where Graph itself is not well. */
  probe: () => Promise<void>
}

// `contentId` belongs to one of the derived types only. OData names it by a cast; tenants are reported that take it
// without, and one that takes neither still lists its attachments.
const CONTENT_ID_FIELDS = [',microsoft.graph.fileAttachment/contentId', ',contentId', '']

// Graph's `size` counts names and properties as well, some hundred bytes: up to here a file may be empty.
const MOST_SIZE_OF_EMPTY = 4_096

/** What is fetched by requests of its own after the message: its attachments and its MIME. */
export class GraphContents {
  readonly #parts: GraphContentsParts
  /** The first of CONTENT_ID_FIELDS that this mailbox has not refused. */
  #contentIdForm = 0

  constructor(parts: GraphContentsParts) {
    this.#parts = parts
  }

  list(message: MessageId): Promise<Reading<Attachment[]>> {
    return this.#read('the attachments of this message', async () => {
      const wires = await this.#listFrom(message, this.#contentIdForm)
      return wires.map(toAttachment)
    })
  }

  readAttachment<Taken>(message: MessageId, attachment: AttachmentId, sink: Sink<Taken>): Promise<Reading<Taken>> {
    const { client, graphUrl } = this.#parts
    const path = `${this.#pathOf(message)}/attachments/${encodeURIComponent(attachment)}`
    return this.#read('this attachment', async () => {
      const request = { url: graphUrl.to(`${path}/$value`), subject: 'attachment', shrinkable: 'item' } as const
      try {
        return await client.stream(request, sink)
      } catch (error) {
        const isEmpty = isShrink(error) && error.cause instanceof EmptyAnswerError
        if (isEmpty && (await this.#isEmptyFile(path))) return sink(nothing())
        throw error
      }
    })
  }

  readSmall(message: MessageId): Promise<Reading<Map<AttachmentId, Uint8Array>>> {
    return this.#read('the attachments of this message', async () => {
      const wires = await this.#get(`${this.#pathOf(message)}/attachments`, itemsOf<WireAttachment>)
      const contents = new Map<AttachmentId, Uint8Array>()
      for (const wire of wires) {
        const content = kindOf(wire) === 'file' ? contentOf(wire) : undefined
        if (content && (content.length > 0 || mayBeEmpty(wire))) contents.set(wire.id as AttachmentId, content)
      }
      return contents
    })
  }

  readMime<Taken>(message: MessageId, sink: Sink<Taken>): Promise<Reading<Taken>> {
    const { client, graphUrl } = this.#parts
    // The path without a folder: the one with it has been seen to be refused with 405.
    const url = graphUrl.to(`${this.#pathOf(message)}/$value`)
    return this.#read('this message as MIME', () => client.stream({ url, subject: 'mime', shrinkable: 'item' }, sink))
  }

  /** One answer holds all: Graph knows no pages of attachments. */
  async #listFrom(message: MessageId, form: number): Promise<WireAttachment[]> {
    const select = `${ATTACHMENT_FIELDS}${CONTENT_ID_FIELDS[form] ?? ''}`
    try {
      const wires = await this.#get(`${this.#pathOf(message)}/attachments?$select=${select}`, itemsOf<WireAttachment>)
      this.#contentIdForm = Math.max(this.#contentIdForm, form)
      return wires
    } catch (error) {
      const isBadRequest = isSkip(error, 'unreadable') && statusCodeOf(error) === 400
      if (!isBadRequest || form + 1 >= CONTENT_ID_FIELDS.length) throw error
      return this.#listFrom(message, form + 1)
    }
  }

  /** Whether a file without bytes is meant to have none. */
  async #isEmptyFile(path: string): Promise<boolean> {
    const listed = await this.#get(`${path}?$select=id,size`, itemOf<WireAttachment>)
    if (!mayBeEmpty(listed)) return false
    const whole = await this.#get(path, itemOf<WireAttachment>)
    return kindOf(whole) === 'file' && contentOf(whole)?.length === 0
  }

  async #get<Value>(path: string, read: (json: unknown) => Value): Promise<Value> {
    const { client, graphUrl } = this.#parts
    const request = { url: graphUrl.to(path), subject: 'attachments', shrinkable: 'item', read } as const
    return (await client.get(request)).value
  }

  #read<Value>(what: string, ask: () => Promise<Value>): Promise<Reading<Value>> {
    return readItem(what, ask, this.#parts.probe)
  }

  #pathOf(message: MessageId): string {
    return `${this.#parts.user}/messages/${encodeURIComponent(message)}`
  }
}

function mayBeEmpty({ size }: WireAttachment): boolean {
  return typeof size === 'number' && size <= MOST_SIZE_OF_EMPTY
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
