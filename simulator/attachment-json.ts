import { GraphError } from './answer.ts'
import { base64Of, Content } from './content.ts'
import type { MailContext } from './graph-request.ts'
import type { NumberedAttachment, StoredMessage } from './mailbox.ts'
import type { Attachment } from './message-content.ts'
import { dateTime } from './message-json.ts'

// Graph's size counts more than the content.
const SIZE_OVERHEAD = 312
// Reported: contents above about 4 MB are left out of lists; lists of 30 MB, or of 500 attachments and more, take
// longer than the 30 seconds after which Graph gives up.
const LARGEST_LISTED_CONTENT = 4 * 1024 * 1024
const MOST_LISTED_BYTES = 30_000_000
const MOST_LISTED_CONTENTS = 500

/** Everything but contentBytes, for a list and for one. */
export function attachmentProperties(
  { mailbox, prefer }: MailContext,
  { key, moves, content }: StoredMessage,
  { attachment, number }: NumberedAttachment,
  select: readonly string[] | undefined,
): object {
  const { kind, name } = attachment
  const json: Record<string, unknown> = {
    '@odata.type': `#microsoft.graph.${kind}Attachment`,
    ...(kind === 'file' && { '@odata.mediaContentType': attachment.contentType }),
    id: mailbox.ids.attachment({ key, moves, immutable: prefer.immutableIds }, number),
    lastModifiedDateTime: dateTime(content.createdAt),
    name,
    contentType: kind === 'file' ? attachment.contentType : null,
    size: graphSize(attachment),
    isInline: kind === 'file' && attachment.isInline,
    ...(kind === 'file' && { contentId: attachment.contentId, contentLocation: null }),
  }
  if (!select) return json
  return Object.fromEntries(
    Object.entries(json).filter(([property]) => property === '@odata.type' || select.includes(property)),
  )
}

/** The whole of an attachment as JSON text, its content encoded while it is sent. */
export function attachmentText(properties: object, attachment: Attachment, inList: boolean): Content {
  const json = JSON.stringify(properties)
  if (attachment.kind !== 'file' || (inList && attachment.content.size > LARGEST_LISTED_CONTENT))
    return Content.of(json)
  return Content.of(`${json.slice(0, -1)},"contentBytes":"`, base64Of(attachment.content), '"}')
}

/** Contents are given unless $select leaves them out. */
export function wantsContents(select: readonly string[] | undefined): boolean {
  return !select || select.includes('contentBytes')
}

/** Refuses what Graph cannot give in one answer with contents. */
export function demandListable(attachments: readonly Attachment[]): void {
  for (const attachment of attachments) demandOpenable(attachment)
  const bytes = attachments.reduce((sum, attachment) => sum + sizeOf(attachment), 0)
  if (bytes > MOST_LISTED_BYTES || attachments.length >= MOST_LISTED_CONTENTS)
    throw new GraphError(504, 'UnknownError', '')
}

export function demandOpenable(attachment: Attachment): void {
  if (attachment.kind === 'file' && attachment.unopenable)
    throw new GraphError(500, 'ErrorCannotOpenFileAttachment', 'OLE conversion failed for the attachment.')
}

export function graphSize(attachment: Attachment): number {
  return sizeOf(attachment) + SIZE_OVERHEAD
}

function sizeOf(attachment: Attachment): number {
  return attachment.kind === 'reference' ? 0 : attachment.content.size
}
