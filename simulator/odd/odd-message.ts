import type { MessageContent, Party } from '../message-content.ts'

export type OddFolder = 'inbox' | 'sentitems' | 'drafts'

/** What makes a message odd; everything else is as in any other. */
interface OddParts extends Partial<Omit<MessageContent, 'html'>> {
  html?: string | (() => string)
  folder?: OddFolder
}

export interface OddScene {
  owner: Party
  /** Seconds since 1970: when the message was received, unless it says otherwise. */
  at: number
}

export type OddMaker = (scene: OddScene) => OddParts

const SOMEBODY: Party = { name: 'Lynne Robbins', address: 'lynne.robbins@fabrikam.example' }

/** One message, whole. */
export function oddMessage(name: string, make: OddMaker, scene: OddScene): MessageContent & { folder: OddFolder } {
  const { owner, at } = scene
  const { html, folder = 'inbox', ...parts } = make(scene)
  const from = folder === 'inbox' ? SOMEBODY : owner
  const subject = parts.subject === undefined ? `Odd: ${name.replaceAll('_', ' ')}` : parts.subject
  const attachments = parts.attachments ?? (() => [])
  return {
    from,
    sender: from,
    to: [folder === 'inbox' ? owner : SOMEBODY],
    cc: [],
    bcc: [],
    replyTo: [],
    receivedAt: at,
    sentAt: at,
    createdAt: at,
    internetMessageId: `<${name}@odd.fabrikam.example>`,
    conversation: 900_000,
    headers: folder === 'inbox' ? receivedHeaders(at) : [],
    importance: 'normal',
    categories: [],
    flagStatus: 'notFlagged',
    focused: true,
    isRead: folder !== 'inbox',
    isDraft: folder === 'drafts',
    hasAttachments: attachments().some((attachment) => attachment.kind !== 'file' || !attachment.isInline),
    preview: `This is ${name}.`,
    odd: name,
    ...parts,
    folder,
    subject,
    attachments,
    html: typeof html === 'function' ? html : () => html ?? page(`<p>This is ${name}.</p>`),
  }
}

export function page(content: string): string {
  return `<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>\r\n${content}\r\n</body></html>`
}

/** The Content-Type of the mail as it came tells what kind of item it is. */
export function receivedHeaders(at: number, contentType?: string): { name: string; value: string }[] {
  return [
    { name: 'Received', value: `from mail.fabrikam.example (10.0.0.9); ${new Date(at * 1000).toUTCString()}` },
    ...(contentType === undefined ? [] : [{ name: 'Content-Type', value: contentType }]),
    { name: 'X-Mailer', value: 'Fabrikam Mailer 7' },
  ]
}
