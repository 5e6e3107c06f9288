import PostalMime, { type Address, type Email, type Mailbox as NamedAddress } from 'postal-mime'
import { Content } from './content.ts'
import type { Attachment, MessageContent, Party } from './message-content.ts'
import { textOf } from './message-json.ts'
import { seedOf } from './random.ts'

// Exchange has no mail from before its time; what claims such a date, or none, counts as received when the file was written.
const EARLIEST = Date.UTC(1980, 0, 1) / 1000
const LATEST = Date.UTC(2100, 0, 1) / 1000

/** One file is one message, however broken it is: what cannot be read is shown as text. */
export async function readEml(bytes: Buffer, fallbackDate: number): Promise<MessageContent> {
  const email = await parse(bytes)
  const receivedAt = dateOf(email.date) ?? fallbackDate
  const from = partiesOf(email.from ? [email.from] : [])[0] ?? null
  const attachments = (email.attachments ?? []).map(attachmentOf)
  const html = email.html ?? `<html><body><pre>${escapeHtml(email.text ?? '')}</pre></body></html>`
  return {
    subject: email.subject ?? null,
    from,
    sender: partiesOf(email.sender ? [email.sender] : [])[0] ?? from,
    to: partiesOf(email.to),
    cc: partiesOf(email.cc),
    bcc: partiesOf(email.bcc),
    replyTo: partiesOf(email.replyTo),
    receivedAt,
    sentAt: dateOf(email.date) ?? receivedAt,
    createdAt: receivedAt,
    internetMessageId: email.messageId ?? null,
    conversation: seedOf(email.inReplyTo ?? email.messageId ?? email.subject ?? ''),
    headers: email.headers.map(({ key, originalKey, value }) => ({ name: originalKey ?? key, value })),
    importance: 'normal',
    categories: [],
    flagStatus: 'notFlagged',
    focused: true,
    isRead: false,
    isDraft: false,
    hasAttachments: attachments.some((attachment) => attachment.kind !== 'file' || !attachment.isInline),
    preview: (email.text ?? textOf(html)).replace(/\s+/g, ' ').trim().slice(0, 255),
    html: () => html,
    attachments: () => attachments,
  }
}

async function parse(bytes: Buffer): Promise<Email> {
  try {
    return await PostalMime.parse(bytes)
  } catch {
    return { headers: [], headerLines: [], text: bytes.toString('latin1'), attachments: [] } as unknown as Email
  }
}

function dateOf(text: string | undefined): number | undefined {
  const seconds = Math.floor(Date.parse(text ?? '') / 1000)
  return seconds >= EARLIEST && seconds < LATEST ? seconds : undefined
}

function partiesOf(addresses: readonly Address[] | undefined): Party[] {
  return (addresses ?? [])
    .flatMap(membersOf)
    .map(({ name, address }) => ({ name: name || address || '', address: address ?? '' }))
}

function membersOf(address: Address): NamedAddress[] {
  return address.group ?? [address]
}

function attachmentOf({
  filename,
  mimeType,
  disposition,
  contentId,
  content,
}: Email['attachments'][number]): Attachment {
  const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content as ArrayBuffer)
  if (mimeType === 'message/rfc822') return { kind: 'item', name: filename, type: mimeType, content: Content.of(bytes) }
  return {
    kind: 'file',
    name: filename,
    contentType: mimeType || null,
    isInline: disposition === 'inline' || (contentId !== undefined && disposition !== 'attachment'),
    contentId: contentId?.replace(/^<|>$/g, '') ?? null,
    content: Content.of(bytes),
  }
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
