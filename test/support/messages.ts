import type { Message, MessageId } from '../../src/copying/message.ts'

/** A message with nothing in it but a body, for tests that do not look into messages. */
export function aBareMessage(id: string, changes: Partial<Message> = {}): Message {
  return {
    id: id as MessageId,
    changeKey: 'k',
    messageType: 'message',
    subject: null,
    body: 'body',
    bodyType: 'text',
    bodyPreview: null,
    importance: null,
    conversationId: null,
    internetMessageId: null,
    createdDateTime: null,
    lastModifiedDateTime: null,
    receivedDateTime: null,
    sentDateTime: null,
    hasAttachments: false,
    mayHaveAttachments: false,
    isDraft: false,
    isRead: false,
    recipients: [],
    categories: [],
    flag: null,
    inferenceClassification: null,
    webLink: null,
    internetMessageHeaders: null,
    ...changes,
  }
}
