import { type Answer, badRequest, GraphError, itemNotFound, JSON_TYPE, text } from './answer.ts'
import {
  attachmentProperties,
  attachmentText,
  demandListable,
  demandOpenable,
  wantsContents,
} from './attachment-json.ts'
import { attachmentSelect } from './attachment-select.ts'
import { Content } from './content.ts'
import { type MailContext, notAllowed } from './graph-request.ts'
import type { NumberedAttachment, StoredMessage } from './mailbox.ts'
import type { Attachment } from './message-content.ts'
import { appliedPreferences } from './prefer.ts'
import { allowOptions, option } from './query-options.ts'

export function listAttachments(context: MailContext, message: StoredMessage): Answer {
  const { request, base, user, mailbox, prefer } = context
  // Graph knows no paging here: one answer holds all.
  allowOptions(request.query, ['$select', '$expand', '$count'])
  refuseExpand(request.query)
  const select = attachmentSelect(request.query, context.fileSelect)
  const id = mailbox.ids.message(message.key, message.moves, prefer.immutableIds)
  const count = option(request.query, '$count') === 'true' ? { '@odata.count': message.attachments().length } : {}
  const head = { '@odata.context': `${base}/$metadata#users('${user.id}')/messages('${id}')/attachments`, ...count }
  const items = listed(context, message, select).flatMap((item, index) => (index === 0 ? [item] : [',', item]))
  return jsonText(context, Content.of(`${JSON.stringify(head).slice(0, -1)},"value":[`, ...items, ']}'))
}

export function getAttachment(context: MailContext, message: StoredMessage, id: string): Answer {
  const { request, base, user } = context
  allowOptions(request.query, ['$select', '$expand'])
  refuseExpand(request.query)
  const select = attachmentSelect(request.query, context.fileSelect)
  const found = find(context, message, id)
  const properties = {
    '@odata.context': `${base}/$metadata#users('${user.id}')/messages/attachments/$entity`,
    ...attachmentProperties(context, message, found, select),
  }
  if (!wantsContents(select)) return jsonText(context, Content.of(JSON.stringify(properties)))
  demandListable([found.attachment])
  return jsonText(context, attachmentText(properties, found.attachment, false))
}

/** The bytes themselves; a reference attachment has none. */
export function attachmentContent(context: MailContext, message: StoredMessage, id: string): Answer {
  allowOptions(context.request.query, [])
  const { attachment } = find(context, message, id)
  if (attachment.kind === 'reference') throw notAllowed()
  demandOpenable(attachment)
  if (attachment.kind === 'item')
    return text(attachment.content, attachment.type === 'message/rfc822' ? 'text/plain' : attachment.type)
  return text(attachment.content, attachment.contentType ?? 'application/octet-stream')
}

/** For `$expand=attachments`, with or without a $select of its own. */
export function attachmentExpander(context: MailContext): ((message: StoredMessage) => object) | undefined {
  const expand = option(context.request.query, '$expand')
  if (expand === undefined) return undefined
  const match = expand.match(/^attachments(?:\(\$select=([^)]*)\))?$/i)
  if (!match) throw badRequest(`Could not expand '${expand}' on type 'microsoft.graph.message'.`)
  const select = attachmentSelect(new URLSearchParams({ $select: match[1] ?? '' }), context.fileSelect)
  // One answer for all, and one limit.
  const before: Attachment[] = []
  return (message) => ({
    attachments: listed(context, message, select, before).map((item) => JSON.parse(item.bytes().toString()) as object),
  })
}

function listed(
  context: MailContext,
  message: StoredMessage,
  select: readonly string[] | undefined,
  before: Attachment[] = [],
): Content[] {
  const attachments = message.attachments()
  const withContents = wantsContents(select)
  before.push(...attachments.map(({ attachment }) => attachment))
  if (withContents) demandListable(before)
  return attachments.map((numbered) => {
    const properties = attachmentProperties(context, message, numbered, select)
    return withContents ? attachmentText(properties, numbered.attachment, true) : Content.of(JSON.stringify(properties))
  })
}

function find({ mailbox }: MailContext, message: StoredMessage, id: string): NumberedAttachment {
  const address = mailbox.ids.findAttachment(id)
  if (!address) throw badRequest('Id is malformed.', 'ErrorInvalidIdMalformed')
  const { key, moves, immutable } = address.message
  const isHere = key === message.key && (immutable || moves === message.moves)
  const found = isHere ? message.attachments().find(({ number }) => number === address.number) : undefined
  if (!found) throw itemNotFound()
  return found
}

function refuseExpand(query: URLSearchParams): void {
  if (option(query, '$expand') !== undefined)
    throw new GraphError(501, 'NotImplemented', 'The simulator does not expand attached items.')
}

function jsonText({ prefer }: MailContext, body: Content): Answer {
  return { status: 200, headers: { 'content-type': JSON_TYPE, ...appliedPreferences(prefer, false) }, body }
}
