import type { Party } from './message-content.ts'
import { Random } from './random.ts'

// The words the seeded mail is made of. Sentences are joined beforehand, so that a body is a few pieces put together.

export const SUBJECTS = [
  'Quarterly figures',
  'Minutes of the board meeting',
  'Offer for the new press line',
  'Holiday plan',
  'Invoice overdue',
  'Welcome on board',
  'Server maintenance on Saturday',
  'Contract draft, second reading',
  'Lunch on Thursday?',
  'Travel expenses',
  'Delivery note',
  'Your order has shipped',
  'Reminder: annual safety training',
  'Budget for next year',
  'Customer complaint',
  'Photos from the summer party',
  'Parking spaces',
  'Audit: open questions',
  'Release notes',
  'Password expires in 5 days',
  'Interview with a candidate',
  'Weekly status',
  'Change of address',
  'Supplier review',
  'Newsletter',
  'Warehouse inventory',
  'Besprechung am Montag',
  'Réunion de lundi',
  'Propuesta revisada',
  'Предложение',
  '会议记录',
  'Wichtig: Datenschutzschulung',
] as const

export const SUBJECT_STARTS = ['', '', '', '', 'RE: ', 'RE: ', 'FW: ', 'AW: ', 'RE: RE: '] as const

export const ODD_SUBJECTS: readonly (string | null)[] = [
  null,
  '',
  ' ',
  '🎉 Launch day 🚀👩‍👩‍👧‍👦',
  'שלום עולם \u202eright to left\u202c مرحبا',
  'A NUL \u0000 in the middle',
  'A lone \ud83d surrogate',
  'Quotes \' " ` and -- ; drop table emails',
  'Line\r\nbreak and\ttab',
  '<script>alert(1)</script> &amp; <b>markup</b>',
  `Long ${'very '.repeat(60)}long`,
  'Zero\u200bwidth e\u0301 and \ufeff mark',
]

const FIRST_NAMES = [
  'Adele',
  'Alex',
  'Diego',
  'Grady',
  'Henrietta',
  'Isaiah',
  'Johanna',
  'Joni',
  'Lee',
  'Lidia',
  'Lynne',
  'Megan',
  'Miriam',
  'Nestor',
  'Patti',
  'Pradeep',
  'Jürgen',
  'Zoë',
  'Søren',
  'José',
  'Łukasz',
  'Ольга',
  '直美',
  'Noa',
] as const
const LAST_NAMES = [
  'Vance',
  'Wilber',
  'Siciliani',
  'Archie',
  'Mueller',
  'Langer',
  'Lorenz',
  'Sherman',
  'Gu',
  'Holloway',
  'Robbins',
  'Bowen',
  'Graham',
  'Wilke',
  'Fernandez',
  'Gupta',
  'Müller',
  'Öztürk',
  "O'Neill",
  'Iwanowa',
  '田中',
  'García-López',
] as const
const DOMAINS = [
  'contoso.example',
  'contoso.example',
  'fabrikam.example',
  'northwind.example',
  'adatum.example',
  'tailspin.example',
] as const

const SENTENCES = [
  'Please find the figures attached; we are slightly above the plan.',
  'I had a long talk with the supplier, and they will deliver before the end of the month.',
  'Could you check the second paragraph before Friday?',
  'The numbers in the sheet do not match what the warehouse reported.',
  'As agreed, the meeting moves to the large room on the third floor.',
  'Nobody has answered the customer yet, so I have taken it over.',
  'There is no need to reply if this suits you.',
  'The invoice was paid twice; the bank will send the second amount back.',
  'Many thanks for your patience, and my regards to the team.',
  'Wir haben das Angebot geprüft und sind grundsätzlich einverstanden.',
  'Merci de confirmer votre présence avant jeudi.',
  'The maintenance window starts at 22:00 and should take about two hours.',
  'We lost a day because the parts came without the drawings.',
  'If the price stays below 12,500 we can sign at once.',
  'Let us talk about it on the phone, it is easier than writing.',
  'The new colleague starts on the first; a laptop has been ordered.',
  'Attached is the draft with the changes of the legal department.',
  'I am out of office until Wednesday; Megan takes care of urgent things.',
] as const

export interface Paragraph {
  html: string
  text: string
}

function paragraphs(): Paragraph[] {
  const random = new Random(20260101)
  return Array.from({ length: 256 }, (_, index) => {
    const text = Array.from({ length: random.between(1, 5) }, () => random.pick(SENTENCES)).join(' ')
    if (index % 16 === 0)
      return { html: `<p><b>No. ${random.below(10_000)}</b> ${text}</p>\r\n`, text: `No. ${index} ${text}` }
    return { html: `<p class="MsoNormal" style="margin:0cm">${text}</p>\r\n`, text }
  })
}

export const PARAGRAPHS: readonly Paragraph[] = paragraphs()

function people(): Party[] {
  const random = new Random(20260102)
  return Array.from({ length: 160 }, (_, index) => {
    const first = random.pick(FIRST_NAMES)
    const last = random.pick(LAST_NAMES)
    const local = `${first}.${last}`
      .normalize('NFD')
      .replace(/[^A-Za-z.]/g, '')
      .toLowerCase()
    return {
      name: `${first} ${last}`,
      address: `${local.length > 3 ? local : 'person'}${index}@${random.pick(DOMAINS)}`,
    }
  })
}

export const PEOPLE: readonly Party[] = people()
