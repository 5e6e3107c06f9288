import type { Party } from '../message-content.ts'
import { type OddMaker, page } from './odd-message.ts'

const LARGE_BODY_BYTES = 10_000_000
const PARAGRAPH = '<p>A paragraph of a body that is longer than any person would read, in plain words.</p>\r\n'
const X500 = '/O=CONTOSO/OU=EXCHANGE ADMINISTRATIVE GROUP (FYDIBOHF23SPDLT)/CN=RECIPIENTS/CN='

/** What may stand, or not stand, in the properties of a message. */
export const TEXTS = {
  null_subject: () => ({ subject: null }),
  empty_subject: () => ({ subject: '' }),
  long_subject: () => ({ subject: `Long ${'and longer '.repeat(80)}`.trim() }),
  empty_body: () => ({ html: '', preview: '' }),
  large_body: () => ({
    html: () => page(PARAGRAPH.repeat(Math.ceil(LARGE_BODY_BYTES / PARAGRAPH.length))),
    preview: 'A paragraph of a body',
  }),
  emoji: () => everywhere('🎉 Launch 🚀 👩‍👩‍👧‍👦 ✏️'),
  right_to_left: () => everywhere('שלום עולם \u202eright to left\u202c مرحبا'),
  nul: () => everywhere('before \u0000 after'),
  lone_surrogates: () => everywhere('half \ud83d and other half \ude00'),
  control_characters: () => everywhere('bell \u0007 escape \u001b[31m delete \u007f'),
  markup: () => everywhere('<script>alert(1)</script> &amp; "quoted" \'too\' `and` so; drop table'),
  x500_addresses: () => {
    const sender: Party = { name: 'Diego Siciliani', address: `${X500}DIEGO` }
    return { from: sender, sender, to: [{ name: 'Grady Archie', address: `${X500}3F2504E04F8911D39A0C-GRADY` }] }
  },
  empty_addresses: () => ({
    from: { name: '', address: '' },
    sender: null,
    to: [{ name: 'Undisclosed', address: '' }],
  }),
  many_recipients: () => ({ to: people(0, 1500), cc: people(1500, 500) }),
  missing_dates: () => ({ receivedAt: null, sentAt: null, internetMessageId: null }),
  no_sender: () => ({ from: null, sender: null, to: [] }),
  draft_without_sender: () => ({
    folder: 'drafts',
    from: null,
    sender: null,
    to: [],
    receivedAt: null,
    sentAt: null,
    internetMessageId: null,
  }),
  /** Has no internetMessageHeaders, and alone knows who got a blind copy. */
  sent_copy: ({ owner }) => ({ folder: 'sentitems', bcc: people(0, 2), replyTo: [owner] }),
} satisfies Record<string, OddMaker>

function everywhere(text: string) {
  const person: Party = { name: text, address: 'odd@fabrikam.example' }
  return {
    subject: text,
    from: person,
    sender: person,
    to: [person],
    categories: [text],
    html: page(`<p>${text}</p>`),
    preview: text,
  }
}

function people(first: number, count: number): Party[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `Reader ${first + index}`,
    address: `reader${first + index}@fabrikam.example`,
  }))
}
