import type { WireMessage, WireRecipient } from '../src/graph/wire.ts'

/** Of `emails`, all but the number of the row. */
export const COLUMNS = [
  'mailbox_id',
  'id',
  'parent_folder_id',
  'change_key',
  'message_type',
  'subject',
  'received_date_time',
  'sent_date_time',
  'created_date_time',
  'last_modified_date_time',
  'is_read',
  'is_draft',
  'has_attachments',
  'importance',
  'conversation_id',
  'internet_message_id',
  'categories',
  'flag',
  'inference_classification',
  'removed_at',
  'body_type',
  'body_kept',
  'web_link',
  'body_preview',
  'recipients',
  'internet_message_headers',
  'body',
  'body_text',
] as const

/** In the order of COLUMNS; `yes` and `no` as the database has them. */
export function valuesOf<Flag>(
  message: WireMessage,
  folderId: string,
  { yes, no }: { yes: Flag; no: Flag },
): (string | number | Flag | null)[] {
  return [
    1,
    message.id,
    folderId,
    message.changeKey ?? null,
    message['@odata.type']?.slice('#microsoft.graph.'.length) ?? 'message',
    message.subject ?? null,
    message.receivedDateTime ?? null,
    message.sentDateTime ?? null,
    message.createdDateTime ?? null,
    message.lastModifiedDateTime ?? null,
    message.isRead ? yes : no,
    message.isDraft ? yes : no,
    message.hasAttachments ? yes : no,
    message.importance ?? null,
    message.conversationId ?? null,
    message.internetMessageId ?? null,
    JSON.stringify(message.categories ?? []),
    flagOf(message),
    message.inferenceClassification ?? null,
    null,
    message.body?.contentType ?? null,
    'html',
    message.webLink ?? null,
    message.bodyPreview ?? null,
    JSON.stringify(recipientsOf(message)),
    message.internetMessageHeaders ? JSON.stringify(message.internetMessageHeaders) : null,
    message.body?.content ?? null,
    null,
  ]
}

function flagOf({ flag }: WireMessage): string | null {
  if (!flag) return null
  return JSON.stringify({
    flag_status: flag.flagStatus,
    start_date_time: flag.startDateTime?.dateTime ?? null,
    due_date_time: flag.dueDateTime?.dateTime ?? null,
    completed_date_time: flag.completedDateTime?.dateTime ?? null,
  })
}

function recipientsOf(message: WireMessage): object[] {
  const all: object[] = []
  if (message.from) all.push(recipient('from', message.from))
  if (message.sender) all.push(recipient('sender', message.sender))
  for (const wire of message.toRecipients ?? []) all.push(recipient('to', wire))
  for (const wire of message.ccRecipients ?? []) all.push(recipient('cc', wire))
  for (const wire of message.bccRecipients ?? []) all.push(recipient('bcc', wire))
  for (const wire of message.replyTo ?? []) all.push(recipient('reply_to', wire))
  return all
}

function recipient(recipient_type: string, { emailAddress }: WireRecipient): object {
  return { recipient_type, email_address: emailAddress?.address ?? null, name: emailAddress?.name ?? null }
}
