import type { BodyOption } from '../extractions/options.ts'
import { bodyText } from './body-text.ts'
import type { Message } from './message.ts'
import type { KeptMessage } from './message-store.ts'

/** The message with its body in the form that was asked for; the text is made from the HTML here, not by a second walk. */
export function keptBody(message: Message, option: BodyOption): KeptMessage {
  if (option === 'html' || message.body === null) return { ...message, bodyText: null }
  const text = message.bodyType === 'html' ? bodyText(message.body) : message.body
  return option === 'both'
    ? { ...message, bodyText: text }
    : { ...message, body: text, bodyType: 'text', bodyText: null }
}
