import type { Attachment, AttachmentId, AttachmentKind } from '../copying/attachment.ts'
import { text } from './to-message.ts'
import type { WireAttachment } from './wire.ts'

const KINDS: Partial<Record<string, AttachmentKind>> = {
  '#microsoft.graph.fileAttachment': 'file',
  '#microsoft.graph.itemAttachment': 'item',
  '#microsoft.graph.referenceAttachment': 'reference',
}

export function toAttachment(wire: WireAttachment): Attachment {
  return {
    id: wire.id as AttachmentId,
    kind: kindOf(wire),
    name: text(wire.name),
    contentType: text(wire.contentType),
    size: typeof wire.size === 'number' && wire.size > 0 ? wire.size : 0,
    isInline: wire.isInline === true,
    contentId: text(wire.contentId)?.replace(/^<(.*)>$/s, '$1') ?? null,
    lastModifiedDateTime: text(wire.lastModifiedDateTime),
  }
}

/** A kind that is new to us is asked for its content like a file: if there is none, the ledger says so. */
export function kindOf(wire: WireAttachment): AttachmentKind {
  return KINDS[wire['@odata.type'] ?? ''] ?? 'file'
}

/** The content that came with an attachment; undefined where none did, or none that is whole. */
export function contentOf({ contentBytes }: WireAttachment): Uint8Array | undefined {
  if (typeof contentBytes !== 'string' || contentBytes.length % 4 !== 0) return undefined
  const bytes = Buffer.from(contentBytes, 'base64')
  // What is no base64 is passed over by the decoder, and is missing in the end.
  const padding = /={0,2}$/.exec(contentBytes)?.[0].length ?? 0
  return bytes.length === (contentBytes.length / 4) * 3 - padding ? bytes : undefined
}
