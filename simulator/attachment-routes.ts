import { type Answer, badRequest, itemNotFound, json, text } from './answer.ts'
import { type MailContext, notAllowed } from './graph-request.ts'
import type { StoredMessage } from './mailbox.ts'
import type { Attachment } from './message-content.ts'
import { dateTime } from './message-json.ts'
import { appliedPreferences } from './prefer.ts'
import { allowOptions, option, selected } from './query-options.ts'

const PROPERTIES = [
  'id',
  'lastModifiedDateTime',
  'name',
  'contentType',
  'size',
  'isInline',
  'contentId',
  'contentLocation',
  'contentBytes',
] as const
// Graph's size counts more than the content; never a checksum.
const SIZE_OVERHEAD = 312

export function listAttachments(context: MailContext, message: StoredMessage): Answer {
  const { request, base, user, mailbox, prefer } = context
  // Graph knows no paging here: one answer holds all.
  allowOptions(request.query, ['$select', '$expand', '$filter', '$count'])
  const select = selected(request.query, PROPERTIES, 'attachment')
  const id = mailbox.ids.message(message.key, message.moves, prefer.immutableIds)
  const value = message.content
    .attachments()
    .map((attachment, index) => attachmentJson(context, message, attachment, index, select))
  return json(
    { '@odata.context': `${base}/$metadata#users('${user.id}')/messages('${id}')/attachments`, value },
    appliedPreferences(prefer, false),
  )
}

export function getAttachment(context: MailContext, message: StoredMessage, id: string): Answer {
  const { request, base, user, prefer } = context
  allowOptions(request.query, ['$select', '$expand'])
  const { attachment, index } = find(context, message, id)
  const item = attachmentJson(context, message, attachment, index, selected(request.query, PROPERTIES, 'attachment'))
  return json(
    { '@odata.context': `${base}/$metadata#users('${user.id}')/messages/attachments/$entity`, ...item },
    appliedPreferences(prefer, false),
  )
}

/** The bytes themselves; a reference attachment has none. */
export function attachmentContent(context: MailContext, message: StoredMessage, id: string): Answer {
  const { attachment } = find(context, message, id)
  if (attachment.kind === 'reference') throw notAllowed()
  if (attachment.kind === 'item') return text(attachment.mime, 'text/plain')
  return text(attachment.bytes, attachment.contentType ?? 'application/octet-stream')
}

/** For `$expand=attachments`, with or without a $select of its own. */
export function attachmentExpander(context: MailContext): ((message: StoredMessage) => object) | undefined {
  const expand = option(context.request.query, '$expand')
  if (expand === undefined) return undefined
  const match = expand.match(/^attachments(?:\(\$select=([^)]*)\))?$/i)
  if (!match) throw badRequest(`Could not expand '${expand}' on type 'microsoft.graph.message'.`)
  const select =
    match[1] === undefined ? undefined : selected(new URLSearchParams({ $select: match[1] }), PROPERTIES, 'attachment')
  return (message) => ({
    attachments: message.content
      .attachments()
      .map((attachment, index) => attachmentJson(context, message, attachment, index, select)),
  })
}

function attachmentJson(
  { mailbox, prefer }: MailContext,
  message: StoredMessage,
  attachment: Attachment,
  index: number,
  select: readonly string[] | undefined,
): object {
  const { kind, name } = attachment
  const json: Record<string, unknown> = {
    '@odata.type': `#microsoft.graph.${kind}Attachment`,
    ...(kind === 'file' && { '@odata.mediaContentType': attachment.contentType }),
    id: `${mailbox.ids.message(message.key, message.moves, prefer.immutableIds).slice(0, -4)}BAAAA${String.fromCharCode(65 + (index % 26))}${index}=`,
    lastModifiedDateTime: dateTime(message.content.createdAt),
    name,
    contentType: kind === 'file' ? attachment.contentType : null,
    size: sizeOf(attachment) + SIZE_OVERHEAD,
    isInline: kind === 'file' && attachment.isInline,
    ...(kind === 'file' && {
      contentId: attachment.contentId,
      contentLocation: null,
      contentBytes: attachment.bytes.toString('base64'),
    }),
  }
  if (!select) return json
  return Object.fromEntries(
    Object.entries(json).filter(([property]) => property.startsWith('@odata.type') || select.includes(property)),
  )
}

function sizeOf(attachment: Attachment): number {
  if (attachment.kind === 'file') return attachment.bytes.length
  return attachment.kind === 'item' ? Buffer.byteLength(attachment.mime) : 0
}

function find(context: MailContext, message: StoredMessage, id: string): { attachment: Attachment; index: number } {
  const immutable = { ...context, prefer: { ...context.prefer, immutableIds: true } }
  const mutable = { ...context, prefer: { ...context.prefer, immutableIds: false } }
  for (const [index, attachment] of message.content.attachments().entries()) {
    for (const kind of [immutable, mutable]) {
      const json = attachmentJson(kind, message, attachment, index, ['id']) as { id: string }
      if (json.id === id) return { attachment, index }
    }
  }
  throw itemNotFound()
}
