import { type Static, type TSchema, Type } from 'typebox'
import { RECIPIENT_TYPES } from '../copying/message.ts'

const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const text = () => orNull(Type.String())
const time = () => orNull(Type.String({ examples: ['2026-01-31T08:15:00Z'] }))

const Recipient = Type.Object({
  recipient_type: Type.Enum(RECIPIENT_TYPES),
  email_address: text(),
  name: text(),
})

const Flag = Type.Object({
  flag_status: Type.String(),
  start_date_time: text(),
  due_date_time: text(),
  completed_date_time: text(),
})

const Attachment = Type.Object({
  attachment_id: Type.String(),
  attachment_name: text(),
  content_type: text(),
  size: Type.Integer(),
  is_inline: Type.Boolean(),
  content_id: text(),
  kind: Type.Enum(['file', 'item', 'reference']),
  sha256: orNull(Type.String({ description: 'Of the content, in hex; null while that is not stored' })),
  content_url: orNull(Type.String({ description: 'Where to get the content, below this service' })),
})

/** One stored message as results show it. */
export const Email = Type.Object({
  id: Type.String({ description: "Graph's immutable id" }),
  user_upn: Type.String(),
  subject: text(),
  body: text(),
  body_preview: text(),
  importance: text(),
  conversation_id: text(),
  created_date_time: time(),
  received_date_time: time(),
  sent_date_time: time(),
  has_attachments: Type.Boolean(),
  is_draft: Type.Boolean(),
  is_read: Type.Boolean(),
  parent_folder_id: Type.String(),
  folder_name: Type.String(),
  recipients: Type.Array(Recipient),
  attachments: Type.Array(Attachment),
  mime: orNull(Type.Object({ size: Type.Integer(), sha256: Type.String(), url: Type.String() })),
  mime_error: orNull(Type.String({ description: 'Why Graph could not give the MIME that was asked for, in its word' })),
  folder_path: Type.String({ examples: ['Inbox/Projects'] }),
  internet_message_id: text(),
  body_type: orNull(Type.Enum(['html', 'text'])),
  body_text: Type.Optional(Type.String({ description: 'The body as plain text, where it was asked for' })),
  categories: Type.Array(Type.String()),
  flag: orNull(Flag),
  inference_classification: text(),
  change_key: text(),
  web_link: text(),
  internet_message_headers: Type.Optional(Type.Array(Type.Object({ name: Type.String(), value: Type.String() }))),
  message_type: Type.String({ examples: ['message', 'eventMessageRequest'] }),
  removed_at: orNull(Type.String({ description: 'When a run noticed that it is gone from the mailbox' })),
})
export type Email = Static<typeof Email>
