import type { Mailbox, StoredMessage } from './mailbox.ts'
import type { Attachment, Party } from './message-content.ts'

/** A message as RFC 822 text, made from what the mailbox holds, as Exchange makes it: not what crossed the wire. */
export function mimeOf(mailbox: Mailbox, { content, subject, key }: StoredMessage): string {
  const boundary = `=_${mailbox.ids.folder(key).slice(-12, -4)}`
  const headers = [
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
  const body = [
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    base64Lines(Buffer.from(content.html())),
  ]
  const attachments = content.attachments()
  if (attachments.length === 0) return [...headers, ...body, ''].join('\r\n')
  const parts = [body, ...attachments.flatMap((attachment) => attachmentPart(attachment))]
  const wrapped = parts.flatMap((part) => [`--${boundary}`, ...part])
  return [
    ...headers,
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    ...wrapped,
    `--${boundary}--`,
    '',
  ].join('\r\n')
}

function attachmentPart(attachment: Attachment): string[][] {
  const name = encodedWord(attachment.name ?? 'attachment')
  if (attachment.kind === 'reference') return []
  if (attachment.kind === 'item')
    return [
      ['Content-Type: message/rfc822', `Content-Disposition: attachment; filename="${name}"`, '', attachment.mime],
    ]
  return [
    [
      `Content-Type: ${attachment.contentType ?? 'application/octet-stream'}; name="${name}"`,
      `Content-Disposition: ${attachment.isInline ? 'inline' : 'attachment'}; filename="${name}"`,
      ...(attachment.contentId === null ? [] : [`Content-ID: <${attachment.contentId}>`]),
      'Content-Transfer-Encoding: base64',
      '',
      base64Lines(attachment.bytes),
    ],
  ]
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

function base64Lines(bytes: Buffer): string {
  return bytes.toString('base64').replace(/(.{76})/g, '$1\r\n')
}
