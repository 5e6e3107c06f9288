import { GraphError } from './answer.ts'
import { graphSize } from './attachment-json.ts'
import { type Digest, digestOf } from './content.ts'
import type { Mailbox, NumberedAttachment, StoredMessage } from './mailbox.ts'
import { mimeOf } from './mime.ts'
import { folderLine, foldersIn, messageLine, messagesIn, type TruthFolder, type TruthMessage } from './truth.ts'

interface TruthAttachment {
  /** Immutable. */
  id: string
  kind: 'file' | 'item' | 'reference'
  name: string | null
  content_type: string | null
  is_inline: boolean
  content_id: string | null
  /** As Graph counts: more than the content. */
  size: number
  /** Of what `$value` gives; null for references and for what cannot be opened. */
  content_size: number | null
  sha256: string | null
  /** Why it cannot be opened, for good. */
  error?: string
}

export interface TruthOfContents extends TruthMessage {
  attachments: TruthAttachment[]
  /** What `$value` of the message gives, or why it gives nothing. */
  mime: Digest | { error: string }
}

/** The truth with size and hash of every content, in the same order. Expensive: every byte is made. */
export async function* truthOfContents(mailbox: Mailbox): AsyncGenerator<TruthFolder | TruthOfContents> {
  for (const folder of foldersIn(mailbox)) {
    yield folderLine(mailbox, folder)
    for (const message of messagesIn(mailbox, folder)) {
      const attachments: TruthAttachment[] = []
      for (const numbered of message.attachments()) attachments.push(await attachmentTruth(mailbox, message, numbered))
      yield { ...messageLine(mailbox, message), attachments, mime: await mimeTruth(mailbox, message) }
    }
  }
}

async function attachmentTruth(
  mailbox: Mailbox,
  { key, moves }: StoredMessage,
  { attachment, number }: NumberedAttachment,
): Promise<TruthAttachment> {
  const { kind, name } = attachment
  const file = kind === 'file' ? attachment : undefined
  const isReadable = kind !== 'reference' && !file?.unopenable
  const digest = isReadable ? await digestOf(attachment.content) : undefined
  return {
    id: mailbox.ids.attachment({ key, moves, immutable: true }, number),
    kind,
    name,
    content_type: file?.contentType ?? null,
    is_inline: file?.isInline ?? false,
    content_id: file?.contentId ?? null,
    size: graphSize(attachment),
    content_size: digest?.size ?? null,
    sha256: digest?.sha256 ?? null,
    ...(file?.unopenable && { error: 'ErrorCannotOpenFileAttachment' }),
  }
}

async function mimeTruth(mailbox: Mailbox, message: StoredMessage): Promise<Digest | { error: string }> {
  try {
    return await digestOf(mimeOf(mailbox, message))
  } catch (error) {
    if (error instanceof GraphError) return { error: error.code }
    throw error
  }
}
