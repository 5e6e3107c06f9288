import { compile } from 'html-to-text'
import type { BodyOption } from '../extractions/options.ts'
import type { Message } from './message.ts'
import type { KeptMessage } from './message-store.ts'

const toText = compile({
  wordwrap: false,
  selectors: [
    { selector: 'img', format: 'skip' },
    { selector: 'a', options: { hideLinkHrefIfSameAsText: true } },
    { selector: 'table', format: 'dataTable' },
  ],
})

/** The message with its body in the form that was asked for; the text is made from the HTML here, not by a second walk. */
export function keptBody(message: Message, option: BodyOption): KeptMessage {
  if (option === 'html' || message.body === null) return { ...message, bodyText: null }
  const text = message.bodyType === 'html' ? toText(message.body) : message.body
  return option === 'both'
    ? { ...message, bodyText: text }
    : { ...message, body: text, bodyType: 'text', bodyText: null }
}
