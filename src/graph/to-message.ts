import type {
  Flag,
  Message,
  MessageHeader,
  MessageId,
  MessagePatch,
  Recipient,
  RecipientType,
} from '../copying/message.ts'
import { contentTypeOf, messageTypeOf } from './message-type.ts'
import type { WireFlag, WireMessage, WireRecipient, WireTime } from './wire.ts'

/** A message is whole when it names its version and its body; Graph reports small changes with the changed fields only. */
export function isWhole(wire: WireMessage): boolean {
  return 'changeKey' in wire && 'body' in wire
}

export function toMessage(wire: WireMessage): Message {
  const messageType = messageTypeOf(wire)
  return {
    id: wire.id as MessageId,
    changeKey: text(wire.changeKey),
    messageType,
    subject: text(wire.subject),
    body: text(wire.body?.content),
    bodyType: bodyType(wire),
    bodyPreview: text(wire.bodyPreview),
    importance: text(wire.importance),
    conversationId: text(wire.conversationId),
    internetMessageId: text(wire.internetMessageId),
    createdDateTime: text(wire.createdDateTime),
    lastModifiedDateTime: text(wire.lastModifiedDateTime),
    receivedDateTime: text(wire.receivedDateTime),
    sentDateTime: text(wire.sentDateTime),
    hasAttachments: wire.hasAttachments === true,
    mayHaveAttachments: mayHaveAttachments(wire, messageType),
    isDraft: wire.isDraft === true,
    isRead: wire.isRead === true,
    recipients: recipients(wire),
    categories: list(wire.categories),
    flag: flag(wire.flag),
    inferenceClassification: text(wire.inferenceClassification),
    webLink: text(wire.webLink),
    internetMessageHeaders: headers(wire.internetMessageHeaders),
  }
}

const STATE_FIELDS = new Set(['id', 'isRead', 'flag', 'categories', 'importance', 'inferenceClassification'])

/**
 * The change that a part of an item stands for: an absent field has not changed. Undefined where the part names more
 * than state, or nothing: then only the message itself tells how it is now.
 */
export function toPatch(wire: WireMessage): MessagePatch | undefined {
  const named = Object.keys(wire).filter((key) => !key.startsWith('@'))
  if (named.length < 2 || !named.every((key) => STATE_FIELDS.has(key))) return undefined

  const patch: MessagePatch = { id: wire.id as MessageId }
  if ('isRead' in wire) patch.isRead = wire.isRead === true
  if ('flag' in wire) patch.flag = flag(wire.flag)
  if ('categories' in wire) patch.categories = list(wire.categories)
  if ('importance' in wire) patch.importance = text(wire.importance)
  if ('inferenceClassification' in wire) patch.inferenceClassification = text(wire.inferenceClassification)
  return patch
}

/**
 * `hasAttachments` is false where all attachments are inline (Graph docs). Then the HTML refers to them, or the message was
 * sent in several parts: a picture within plain text has nothing that refers to it. What a signed or encrypted message says
 * is in an attachment that does not always count as one either.
 */
function mayHaveAttachments(wire: WireMessage, messageType: string): boolean {
  if (wire.hasAttachments === true || messageType === 'signedMessage' || messageType === 'encryptedMessage') return true
  const html = bodyType(wire) === 'html' ? wire.body?.content : null
  if (typeof html === 'string' && /\bcid:/i.test(html)) return true
  return /^\s*multipart\/(mixed|related)\b/i.test(contentTypeOf(wire.internetMessageHeaders) ?? '')
}

function bodyType(wire: WireMessage): 'html' | 'text' | null {
  const type = wire.body?.contentType?.toLowerCase()
  return type === 'html' || type === 'text' ? type : null
}

function recipients(wire: WireMessage): Recipient[] {
  const all: Recipient[] = []
  add(all, 'from', wire.from)
  add(all, 'sender', wire.sender)
  addAll(all, 'to', wire.toRecipients)
  addAll(all, 'cc', wire.ccRecipients)
  addAll(all, 'bcc', wire.bccRecipients)
  addAll(all, 'reply_to', wire.replyTo)
  return all
}

function add(all: Recipient[], recipient_type: RecipientType, wire: WireRecipient | null | undefined): void {
  const address = wire?.emailAddress
  if (address) all.push({ recipient_type, email_address: text(address.address), name: text(address.name) })
}

function addAll(all: Recipient[], type: RecipientType, wires: WireRecipient[] | null | undefined): void {
  if (Array.isArray(wires)) for (const wire of wires) add(all, type, wire)
}

function flag(wire: WireFlag | null | undefined): Flag | null {
  const status = text(wire?.flagStatus)
  if (!wire || status === null) return null
  return {
    flag_status: status,
    start_date_time: time(wire.startDateTime),
    due_date_time: time(wire.dueDateTime),
    completed_date_time: time(wire.completedDateTime),
  }
}

/** Graph gives these in UTC unless asked otherwise, with the zone beside the time. */
function time(wire: WireTime | null | undefined): string | null {
  const dateTime = text(wire?.dateTime)
  return dateTime !== null && wire?.timeZone === 'UTC' && !dateTime.endsWith('Z') ? `${dateTime}Z` : dateTime
}

function headers(wires: WireMessage['internetMessageHeaders']): MessageHeader[] | null {
  if (!Array.isArray(wires)) return null
  const kept: MessageHeader[] = []
  for (const wire of wires) {
    if (typeof wire?.name === 'string') kept.push({ name: wire.name.toWellFormed(), value: text(wire.value) ?? '' })
  }
  return kept
}

/** JSON can carry half a surrogate pair, UTF-8 cannot: U+FFFD stands for it, in columns and in JSON alike. */
export function text(value: string | null | undefined): string | null {
  return typeof value === 'string' ? value.toWellFormed() : null
}

function list(values: string[] | null | undefined): string[] {
  return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : []
}
