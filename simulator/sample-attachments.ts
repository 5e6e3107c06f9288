import { Content } from './content.ts'
import type { Attachment } from './message-content.ts'
import { mix, Random } from './random.ts'

const PIXEL = Content.of(
  Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  ),
)

/** The attachments of a seeded message: every kind that Graph knows, by turns. */
export function sampleAttachments(seed: number, key: number): Attachment[] {
  const random = new Random(mix(seed, key, 9))
  if (key % 12 === 5) {
    return [
      {
        kind: 'file',
        name: 'image001.png',
        contentType: 'image/png',
        isInline: true,
        contentId: 'picture001@contoso.example',
        content: PIXEL,
      },
    ]
  }
  const file: Attachment = {
    kind: 'file',
    name: random.chance(0.05) ? null : `Report ${key} – Übersicht.txt`,
    contentType: random.chance(0.1) ? null : 'text/plain',
    isInline: false,
    contentId: null,
    content: Content.of(`Line of report ${key}\r\n`.repeat(random.between(1, 400))),
  }
  if (key % 60 === 11)
    return [
      file,
      { kind: 'item', name: 'Forwarded message', type: 'message/rfc822', content: Content.of(forwardedMime(key)) },
    ]
  if (key % 60 === 23) return [{ kind: 'reference', name: 'Shared budget.xlsx' }]
  return [file]
}

function forwardedMime(key: number): string {
  return [
    'From: Lynne Robbins <lynne@fabrikam.example>',
    'To: Lee Gu <lee@contoso.example>',
    `Subject: Forwarded ${key}`,
    'Date: Thu, 01 Jan 2026 10:00:00 +0000',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'The forwarded text.',
    '',
  ].join('\r\n')
}
