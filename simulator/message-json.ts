import type { Mailbox, StoredMessage } from './mailbox.ts'
import type { Party } from './message-content.ts'
import { subtypeOf, subtypeProperties } from './message-subtypes.ts'

export interface MessageStyle {
  /** Undefined: everything but internetMessageHeaders and uniqueBody. */
  select: readonly string[] | undefined
  immutableIds: boolean
  bodyType: 'text' | 'html' | undefined
  /** In delta every item names its type, in lists only the subtypes of message do. */
  delta: boolean
}

interface View extends StoredMessage {
  mailbox: Mailbox
  style: MessageStyle
  changeKey: string
}

type Property = (view: View) => unknown

const PROPERTIES: Record<string, Property> = {
  id: ({ mailbox, key, moves, style }) => mailbox.ids.message(key, moves, style.immutableIds),
  createdDateTime: ({ content }) => dateTime(content.createdAt),
  lastModifiedDateTime: ({ content, modifiedAt }) => dateTime(modifiedAt ?? content.createdAt),
  changeKey: ({ changeKey }) => changeKey,
  categories: ({ content }) => content.categories,
  receivedDateTime: ({ content }) => dateTime(content.receivedAt),
  sentDateTime: ({ content }) => dateTime(content.sentAt),
  hasAttachments: ({ hasAttachments }) => hasAttachments,
  internetMessageId: ({ content }) => content.internetMessageId,
  subject: ({ subject }) => subject,
  bodyPreview: ({ content }) => content.preview,
  importance: ({ content }) => content.importance,
  parentFolderId: ({ mailbox, folder }) => mailbox.ids.folder(folder.number),
  conversationId: ({ mailbox, content }) =>
    mailbox.ids.folder(content.conversation + 1_000_000).replace('AAMk', 'AAQk'),
  conversationIndex: ({ content }) => Buffer.from(`conversation ${content.conversation}`).toString('base64'),
  isDeliveryReceiptRequested: ({ content }) => (content.isDraft ? null : false),
  isReadReceiptRequested: () => false,
  isRead: ({ isRead }) => isRead,
  isDraft: ({ content }) => content.isDraft,
  webLink: ({ mailbox, key, moves }) =>
    `https://outlook.office365.com/owa/?ItemID=${encodeURIComponent(mailbox.ids.message(key, moves, false))}&exvsurl=1&viewmodel=ReadMessageItem`,
  inferenceClassification: ({ content }) => (content.focused ? 'focused' : 'other'),
  body: bodyOf,
  sender: ({ content }) => recipient(content.sender),
  from: ({ content }) => recipient(content.from),
  toRecipients: ({ content }) => content.to.map(recipient),
  ccRecipients: ({ content }) => content.cc.map(recipient),
  bccRecipients: ({ content }) => content.bcc.map(recipient),
  replyTo: ({ content }) => content.replyTo.map(recipient),
  flag: ({ content }) => ({ flagStatus: content.flagStatus }),
}

/** Given only when asked for by name. */
const ON_REQUEST: Record<string, Property> = {
  uniqueBody: bodyOf,
  internetMessageHeaders: ({ content }) => (content.headers.length > 0 ? content.headers : undefined),
}

export const MESSAGE_PROPERTIES: readonly string[] = [...Object.keys(PROPERTIES), ...Object.keys(ON_REQUEST)]

export function messageJson(mailbox: Mailbox, message: StoredMessage, style: MessageStyle): Record<string, unknown> {
  const { content } = message
  const view: View = { ...message, mailbox, style, changeKey: changeKeyOf(message) }
  const type = subtypeOf(content) ?? (style.delta ? '#microsoft.graph.message' : undefined)
  const json: Record<string, unknown> = {}
  if (type) json['@odata.type'] = type
  json['@odata.etag'] = `W/"${view.changeKey}"`
  if (style.select) {
    for (const name of style.select) json[name] = (PROPERTIES[name] ?? ON_REQUEST[name])?.(view)
    return json
  }
  for (const name in PROPERTIES) json[name] = PROPERTIES[name]?.(view)
  Object.assign(json, subtypeProperties(content))
  return json
}

/** What Graph reports of a message whose read state alone has changed: no etag, nothing else. */
export function readStateJson(
  mailbox: Mailbox,
  { key, moves, isRead }: StoredMessage,
  { immutableIds, select }: MessageStyle,
): object {
  const state = !select || select.includes('isRead') ? { isRead } : {}
  return { '@odata.type': '#microsoft.graph.message', id: mailbox.ids.message(key, moves, immutableIds), ...state }
}

export function removedJson(id: string): object {
  return { '@odata.type': '#microsoft.graph.message', id, '@removed': { reason: 'deleted' } }
}

export function changeKeyOf({ key, version }: StoredMessage): string {
  const bytes = Buffer.alloc(15)
  bytes.writeUInt16BE(version % 65_536, 0)
  bytes.writeUIntBE(key, 6, 6)
  return `CQ${bytes.toString('base64')}`
}

export function dateTime(seconds: number | null): string | null {
  return seconds === null ? null : `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}

function recipient(party: Party | null): object | null {
  return party && { emailAddress: { name: party.name, address: party.address } }
}

function bodyOf({ content, style }: View): object {
  const html = content.html()
  return style.bodyType === 'text'
    ? { contentType: 'text', content: textOf(html) }
    : { contentType: 'html', content: html }
}

const ENTITIES: Record<string, string> = {
  '&nbsp;': '\u00a0',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
}

export function textOf(html: string): string {
  return html
    .replace(/<(head|style|script)\b[\s\S]*?<\/\1>/gi, '')
    .replace(/<[^>]*>/g, '')
    .replace(/&(nbsp|lt|gt|quot|#39|amp);/g, (entity) => ENTITIES[entity] ?? entity)
}
