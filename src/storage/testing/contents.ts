import type { Attachment, AttachmentId } from '../../copying/attachment.ts'
import type { Blob, Sha256 } from '../../copying/blob-store.ts'
import type { ContentWrite } from '../../copying/content-store.ts'
import type { MessageId } from '../../copying/message.ts'
import { aMessage, type beginCopy, type OpenStores } from './fixtures.ts'

export const M1 = 'm1' as MessageId
export const A1 = 'a1' as AttachmentId
export const A2 = 'a2' as AttachmentId
export const isThere = async () => true

export function withAttachments(id: string, changes: object = {}) {
  return aMessage(id, { mayHaveAttachments: true, ...changes })
}

type Copy = Awaited<ReturnType<typeof beginCopy>>

export function aWrite({ claim, mailbox }: Copy): ContentWrite {
  return {
    claim,
    mailbox,
    messageId: M1,
    wanted: 'content',
    usage: { requests: 1, retries: 0, throttledMs: 0 },
    activeMs: 1,
  }
}

export function anAttachment(id: string, changes: Partial<Attachment> = {}): Attachment {
  return {
    id: id as AttachmentId,
    kind: 'file',
    name: `${id}.txt`,
    contentType: 'text/plain',
    size: 100,
    isInline: false,
    contentId: null,
    lastModifiedDateTime: '2026-01-01T00:00:00Z',
    ...changes,
  }
}

export function aBlob(digit: string, size: number): Blob {
  return { sha256: digit.repeat(64) as Sha256, size }
}

export async function pendingIds(stores: OpenStores, { mailbox }: Copy): Promise<string[]> {
  const pending = await stores.contents.listPending(mailbox, undefined, 10)
  return pending
    .filter(({ attachments }) => attachments !== 'nothing')
    .map((one) => `${one.messageId} ${one.attachments}`)
}

export async function counts(copy: Copy) {
  const { progress } = await copy.extraction()
  const {
    attachmentsTotal: total,
    attachmentsStored: stored,
    attachmentsSkipped: skipped,
    bytesStored: bytes,
  } = progress
  return { total, stored, skipped, bytes }
}

/** Bytes of what has been stored so far, were there no attachments. */
export async function mailBytes(copy: Copy): Promise<number> {
  const { progress } = await copy.extraction()
  return progress.messagesStored * Buffer.byteLength('<p>A body</p>')
}
