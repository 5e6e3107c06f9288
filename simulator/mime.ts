import { GraphError } from './answer.ts'
import { base64Of, Content } from './content.ts'
import type { Mailbox, StoredMessage } from './mailbox.ts'
import type { Attachment, MimeFailure, Party } from './message-content.ts'

const MIME_LINE = 76
const FAILURES: Record<MimeFailure, string> = {
  ErrorMimeContentConversionFailed: 'MIME content conversion failed.',
  ErrorCorruptData: 'The data is corrupt.',
}
// What is written from the properties of the message itself.
const OWN_HEADERS = /^(from|to|cc|bcc|subject|date|message-id|mime-version|content-.*)$/i

/** A message as RFC 822 text, made from what the mailbox holds, as Exchange makes it: not what crossed the wire. */
export function mimeOf(mailbox: Mailbox, message: StoredMessage): Content {
  const { content, key } = message
  if (content.mime instanceof Content) return Content.of(lines(...headersOf(message)), content.mime)
  if (content.mime !== undefined) throw new GraphError(500, content.mime, FAILURES[content.mime])

  const boundary = `=_${mailbox.ids.folder(key).slice(-12, -4)}`
  const body = Content.of(
    lines('Content-Type: text/html; charset=utf-8', 'Content-Transfer-Encoding: base64', ''),
    base64Of(Content.of(content.html()), MIME_LINE),
    '\r\n',
  )
  const attachments = message.attachments().map(({ attachment }) => attachment)
  if (attachments.length === 0) return Content.of(lines(...headersOf(message)), body)
  const parts = [body, ...attachments.flatMap(attachmentPart)]
  return Content.of(
    lines(...headersOf(message), `Content-Type: multipart/mixed; boundary="${boundary}"`, ''),
    ...parts.flatMap((part) => [lines(`--${boundary}`), part]),
    lines(`--${boundary}--`),
  )
}

function headersOf({ content, subject }: StoredMessage): string[] {
  return [
    ...content.headers.filter(({ name }) => !OWN_HEADERS.test(name)).map(({ name, value }) => `${name}: ${value}`),
    ...addresses('From', content.from ? [content.from] : []),
    ...addresses('To', content.to),
    ...addresses('Cc', content.cc),
    ...addresses('Bcc', content.bcc),
    `Subject: ${encodedWord(subject ?? '')}`,
    ...(content.sentAt === null
      ? []
      : [`Date: ${new Date(content.sentAt * 1000).toUTCString().replace('GMT', '+0000')}`]),
    ...(content.internetMessageId === null ? [] : [`Message-ID: ${content.internetMessageId}`]),
    'MIME-Version: 1.0',
  ]
}

function attachmentPart(attachment: Attachment): Content[] {
  const name = encodedWord(attachment.name ?? 'attachment')
  if (attachment.kind === 'reference') return []
  if (attachment.kind === 'item')
    return [
      Content.of(
        lines(`Content-Type: ${attachment.type}`, `Content-Disposition: attachment; filename="${name}"`, ''),
        attachment.content,
        '\r\n',
      ),
    ]
  const head = lines(
    `Content-Type: ${attachment.contentType ?? 'application/octet-stream'}; name="${name}"`,
    `Content-Disposition: ${attachment.isInline ? 'inline' : 'attachment'}; filename="${name}"`,
    ...(attachment.contentId === null ? [] : [`Content-ID: <${attachment.contentId}>`]),
    'Content-Transfer-Encoding: base64',
    '',
  )
  return [Content.of(head, base64Of(attachment.content, MIME_LINE), '\r\n')]
}

function lines(...texts: string[]): string {
  return texts.map((text) => `${text}\r\n`).join('')
}

function addresses(name: string, parties: readonly Party[]): string[] {
  if (parties.length === 0) return []
  return [`${name}: ${parties.map((party) => `${encodedWord(party.name)} <${party.address}>`).join(',\r\n ')}`]
}

function encodedWord(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text))
    return text.includes(',') || text.includes('"') ? `"${text.replace(/["\\]/g, '\\$&')}"` : text
  return `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`
}
