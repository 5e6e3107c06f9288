import type { Branded } from '../extractions/extraction.ts'

/** Graph's immutable id; stays through moves within the mailbox. Compared exactly, case and all. */
export type MessageId = Branded<string, 'MessageId'>

export const RECIPIENT_TYPES = ['from', 'sender', 'to', 'cc', 'bcc', 'reply_to'] as const
export type RecipientType = (typeof RECIPIENT_TYPES)[number]

export interface Recipient {
  recipient_type: RecipientType
  /** As Graph gives it: an SMTP address, an X.500 name, or null. */
  email_address: string | null
  name: string | null
}

export interface Flag {
  flag_status: string
  start_date_time: string | null
  due_date_time: string | null
  completed_date_time: string | null
}

export interface MessageHeader {
  name: string
  value: string
}

/** What we keep of a message. Times are as Graph gives them: ISO 8601, UTC. */
export interface Message {
  id: MessageId
  /** Graph's version of the item: equal keys mean nothing has changed. */
  changeKey: string | null
  /** `message`, the Graph subtype such as `eventMessageRequest`, or what its MIME type makes of it: `signedMessage` … */
  messageType: string
  subject: string | null
  body: string | null
  bodyType: 'html' | 'text' | null
  bodyPreview: string | null
  importance: string | null
  conversationId: string | null
  internetMessageId: string | null
  createdDateTime: string | null
  lastModifiedDateTime: string | null
  receivedDateTime: string | null
  sentDateTime: string | null
  hasAttachments: boolean
  /** Whether asking for attachments can find any: `hasAttachments` leaves out those that only the body shows. */
  mayHaveAttachments: boolean
  isDraft: boolean
  isRead: boolean
  recipients: Recipient[]
  categories: string[]
  flag: Flag | null
  inferenceClassification: string | null
  webLink: string | null
  internetMessageHeaders: MessageHeader[] | null
}

/** A change of state alone, without the rest of the message, which stays as it is stored. */
export type MessagePatch = Pick<Message, 'id'> &
  Partial<Pick<Message, 'isRead' | 'flag' | 'categories' | 'importance' | 'inferenceClassification'>>
