import { Content } from '../content.ts'
import type { Attachment } from '../message-content.ts'
import { seededContent } from '../seeded-content.ts'
import { type OddMaker, page } from './odd-message.ts'

const SEED = 77

/** Attachments of every kind, and with every flaw that is known. */
export const ATTACHED = {
  inline_image: () => ({
    html: page('<img src="cid:logo@fabrikam.example" alt="logo">'),
    attachments: () => [image('logo@fabrikam.example', true, 1)],
  }),
  /** Shown in the text, yet listed like any other file. */
  inline_image_marked_as_attached: () => ({
    html: page('<img src="cid:chart@fabrikam.example">'),
    attachments: () => [image('chart@fabrikam.example', false, 2)],
  }),
  inline_images_of_one_content_id: () => ({
    html: page('<img src="CID:twice@fabrikam.example">'),
    attachments: () => [image('twice@fabrikam.example', true, 3), image('twice@fabrikam.example', true, 4)],
  }),
  attached_message: () => holding(item('The first offer', 'message/rfc822', MESSAGE)),
  attached_message_with_attachment: () => holding(item('The offer and its drawing', 'message/rfc822', NESTED)),
  attached_event: () => holding(item('Review', 'text/calendar', EVENT)),
  attached_contact: () => holding(item('Diego Siciliani', 'text/vcard', CONTACT)),
  reference: () => holding({ kind: 'reference', name: 'Shared budget.xlsx' }),
  every_kind: () =>
    holding(file('note.txt', 20, 5), item('The first offer', 'message/rfc822', MESSAGE), {
      kind: 'reference',
      name: 'Shared budget.xlsx',
    }),
  nameless_attachment: () =>
    holding({ ...file(null, 100, 6), contentType: null }, item(null, 'message/rfc822', MESSAGE)),
  odd_attachment_names: () =>
    holding(
      ...ODD_NAMES.map((name, index) => file(name, 50, 100 + index)),
      file('note.txt', 50, 7),
      file('note.txt', 50, 8),
    ),
  odd_content_types: () =>
    holding(
      { ...file('page.html', 300, 9), contentType: 'text/html; charset="utf-8"' },
      { ...file('what', 300, 10), contentType: 'not a type' },
      { ...file('data', 300, 11), contentType: '' },
    ),
  empty_attachment: () => holding(file('empty.bin', 0, 12)),
  same_content_1: () => holding(file('one.bin', 40_000, 13)),
  same_content_2: () => holding(file('two.bin', 40_000, 13), file('three.bin', 40_000, 13)),
  /** Cannot be opened, ever; the other one can. */
  unopenable_attachment: () =>
    holding({ ...file('broken.ole', 5_000, 14), unopenable: true }, file('fine.bin', 5_000, 15)),
  /** More than a list can hold. */
  many_attachments: () =>
    holding(...Array.from({ length: 520 }, (_, index) => file(`part ${index}.txt`, 30, 1_000 + index))),
  heavy_attachments: () =>
    holding(...Array.from({ length: 9 }, (_, index) => file(`scan ${index}.pdf`, 3_700_000, 16 + index))),
  large_attachment: () => holding(file('film.mp4', 20_000_000, 30)),
} satisfies Record<string, OddMaker>

// Names that are no good as file names, or look like something else.
const ODD_NAMES = [
  '../../../etc/passwd',
  'C:\\Windows\\win.ini',
  'a/b\\c:d*e?f"g<h>i|j',
  'CON',
  '.',
  '',
  ' leading and trailing ',
  `${'long '.repeat(60)}.txt`,
  'Übersicht – 概要 📎.txt',
  'invoice\u202etxt.exe',
  'nul \u0000 inside.txt',
  'half \ud83d surrogate.txt',
  'line\r\nbreak.txt',
]

function holding(...attachments: Attachment[]) {
  return { attachments: () => attachments }
}

function file(name: string | null, size: number, number: number): Attachment & { kind: 'file' } {
  return {
    kind: 'file',
    name,
    contentType: 'application/octet-stream',
    isInline: false,
    contentId: null,
    content: seededContent(SEED, number, size),
  }
}

function image(contentId: string, isInline: boolean, number: number): Attachment {
  return { ...file('image001.png', 2_000, number), contentType: 'image/png', contentId, isInline }
}

function item(
  name: string | null,
  type: (Attachment & { kind: 'item' })['type'],
  lines: readonly string[],
): Attachment {
  return { kind: 'item', name, type, content: Content.of(lines.map((line) => `${line}\r\n`).join('')) }
}

const MESSAGE = [
  'From: Lynne Robbins <lynne.robbins@fabrikam.example>',
  'To: Lee Gu <lee.gu@contoso.example>',
  'Subject: The first offer',
  'Date: Thu, 01 Jan 2026 10:00:00 +0000',
  'Content-Type: text/plain; charset=utf-8',
  '',
  'Our offer.',
]

const NESTED = [
  ...MESSAGE.slice(0, 4),
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="inner"',
  '',
  '--inner',
  'Content-Type: message/rfc822',
  '',
  ...MESSAGE,
  '--inner',
  'Content-Type: application/octet-stream; name="drawing.bin"',
  'Content-Transfer-Encoding: base64',
  '',
  'AAECAwQFBgcICQ==',
  '--inner--',
]

const EVENT = [
  'BEGIN:VCALENDAR',
  'VERSION:2.0',
  'BEGIN:VEVENT',
  'UID:review@fabrikam.example',
  'DTSTART:20260105T090000Z',
  'DTEND:20260105T100000Z',
  'SUMMARY:Review',
  'END:VEVENT',
  'END:VCALENDAR',
]

const CONTACT = ['BEGIN:VCARD', 'VERSION:3.0', 'FN:Diego Siciliani', 'EMAIL:diego@contoso.example', 'END:VCARD']
