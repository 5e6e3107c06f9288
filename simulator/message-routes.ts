import { type Answer, badRequest, itemNotFound, json, text } from './answer.ts'
import { attachmentContent, attachmentExpander, getAttachment, listAttachments } from './attachment-routes.ts'
import type { Folder } from './folder.ts'
import { type MailContext, notAllowed, segmentNotFound } from './graph-request.ts'
import type { StoredMessage } from './mailbox.ts'
import { MESSAGE_PROPERTIES, messageJson } from './message-json.ts'
import { mimeOf } from './mime.ts'
import { failOnPoison } from './poison.ts'
import { appliedPreferences } from './prefer.ts'
import { allowOptions, selected } from './query-options.ts'

/** `…/messages/{id}` and what lies below it. */
export function messageRoute(
  context: MailContext,
  folder: Folder | undefined,
  id: string,
  rest: readonly string[],
): Answer {
  const message = messageOf(context, folder, id)
  const [name, attachmentId, last, ...more] = rest
  if (name === undefined) return getMessage(context, message)
  if (name === '$value' && rest.length === 1) {
    // Documented for the folder path too, but refused there in practice.
    if (folder) throw notAllowed()
    return text(mimeOf(context.mailbox, message), 'text/plain')
  }
  if (name !== 'attachments' || more.length > 0) throw segmentNotFound(name)
  if (attachmentId === undefined) return listAttachments(context, message)
  if (last === undefined) return getAttachment(context, message, attachmentId)
  if (last === '$value') return attachmentContent(context, message, attachmentId)
  throw segmentNotFound(last)
}

function getMessage(context: MailContext, message: StoredMessage): Answer {
  const { request, prefer, base, user, mailbox } = context
  allowOptions(request.query, ['$select', '$expand'])
  const select = selected(request.query, MESSAGE_PROPERTIES, 'message')
  failOnPoison(context, [message], select)
  const style = { select, immutableIds: prefer.immutableIds, bodyType: prefer.bodyType, delta: false }
  const body = {
    '@odata.context': `${base}/$metadata#users('${user.id}')/messages${select ? `(${select.join(',')})` : ''}/$entity`,
    ...messageJson(mailbox, message, style),
    ...attachmentExpander(context)?.(message),
  }
  return { ...json(body, appliedPreferences(prefer, false)), messages: 1 }
}

function messageOf({ mailbox }: MailContext, folder: Folder | undefined, id: string): StoredMessage {
  const message = mailbox.findMessage(id)
  if (message && (!folder || message.folder === folder || folder.spec.searchOf !== undefined)) return message
  if (mailbox.ids.findMessage(id) === undefined) throw badRequest('Id is malformed.', 'ErrorInvalidIdMalformed')
  throw itemNotFound()
}
