import { type AttachmentPlan, isPlanned, plannedAttachments } from './attachment-plan.ts'
import type { Attachment, Meeting, MessageContent, MessageSource, Party } from './message-content.ts'
import { ODD_SUBJECTS, PARAGRAPHS, PEOPLE, SUBJECT_STARTS, SUBJECTS } from './phrases.ts'
import { mix, Random } from './random.ts'
import { sampleAttachments } from './sample-attachments.ts'

export type FolderKind = 'mail' | 'sent' | 'drafts'

/** A run of messages that share a folder: keys `firstKey` to `firstKey + count - 1`. */
export interface KeyRange {
  firstKey: number
  count: number
  kind: FolderKind
  /** So many messages in the middle share one second. */
  sameSecond: number
  /** Messages of many people, odd characters and the like may occur. Off for plain benchmark mail. */
  odd: boolean
}

export interface GeneratorOptions {
  seed: number
  owner: Party
  ranges: readonly KeyRange[]
  /** Length of every body; without it bodies vary. */
  bodyBytes?: number
  attachments?: AttachmentPlan
}

/** Seeded mail ends here; what arrives later is newer. 1 October 2026. */
export const WORLD_END = Date.UTC(2026, 9, 1) / 1000
const LONGEST_SPAN_SECONDS = 8 * 365 * 86_400
const LONGEST_STEP_SECONDS = 6 * 3600
// Of every 101 messages 8 share a second, as automatic mail does.
const SHARED_BLOCK = 101
const SHARED_FIRST = 40
const SHARED_LAST = 47
const ARRIVAL_STEP_SECONDS = 30

/** Computes any message of a mailbox from its key. Keeps nothing. */
export class GeneratedMessages implements MessageSource {
  private readonly arrivalsFrom: number

  private readonly options: GeneratorOptions

  constructor(options: GeneratorOptions) {
    this.options = options
    this.arrivalsFrom = options.ranges.reduce((end, range) => Math.max(end, range.firstKey + range.count), 0)
  }

  receivedAt(key: number): number | null {
    const range = this.rangeOf(key)
    if (!range) return WORLD_END + (key - this.arrivalsFrom + 1) * ARRIVAL_STEP_SECONDS
    const ordinal = key - range.firstKey
    if (range.kind === 'drafts' && range.odd && ordinal < 2) return null
    const step = Math.min(LONGEST_STEP_SECONDS, LONGEST_SPAN_SECONDS / range.count)
    return Math.floor(WORLD_END - (range.count - sharedPlace(ordinal, range)) * step)
  }

  isRead(key: number): boolean {
    if (this.rangeOf(key)?.kind === 'sent') return true
    return mix(this.options.seed, key, 3) % 8 !== 0
  }

  content(key: number): MessageContent {
    const { seed, owner, bodyBytes, attachments: plan } = this.options
    const range = this.rangeOf(key)
    const kind = range?.kind ?? 'mail'
    const odd = range?.odd ?? true
    const random = new Random(mix(seed, key))
    const receivedAt = this.receivedAt(key)
    const at = receivedAt ?? WORLD_END
    const other = random.pick(PEOPLE)
    const isDraft = kind === 'drafts'
    const from = authorOf(kind, owner, other, odd && random.chance(0.01))
    const to =
      kind === 'mail' ? [owner, ...some(random, 2)] : isDraft && random.chance(0.3) ? [] : [other, ...some(random, 2)]
    const crowd = odd && key % 211 === 17 ? PEOPLE.slice(0, 120) : some(random, random.chance(0.3) ? 4 : 0)
    const subject = subjectOf(random, key, odd)
    const meeting = odd && kind === 'mail' && key % 29 === 11 ? meetingOf(random, at) : undefined
    const attached = plan ? isPlanned(plan, key) : key % 6 === 5 && !meeting
    const isInline = attached && !plan && key % 12 === 5
    const bodySeed = random.next()
    const html = () => bodyOf(key, bodySeed, bodyBytes, isInline)
    return {
      subject,
      from,
      sender: from,
      to,
      cc: crowd,
      bcc: kind === 'mail' ? [] : some(random, 1),
      replyTo: random.chance(0.1) ? [other] : [],
      receivedAt,
      sentAt: isDraft ? receivedAt : at - random.below(5),
      createdAt: at,
      internetMessageId:
        isDraft && random.chance(0.5)
          ? null
          : `<${(key * 7919 + seed).toString(36)}.${random.next().toString(36)}@mail.contoso.example>`,
      conversation: Math.floor(key / 4),
      headers: kind === 'mail' ? headersOf(from, subject, at) : [],
      importance: random.chance(0.9) ? 'normal' : random.pick(['low', 'high'] as const),
      categories: random.chance(0.1) ? ['Blue category', 'Customer'].slice(0, random.between(1, 2)) : [],
      flagStatus: random.chance(0.93) ? 'notFlagged' : random.pick(['flagged', 'complete'] as const),
      focused: random.chance(0.7),
      isRead: this.isRead(key),
      isDraft,
      // Graph says no when every attachment is inline.
      hasAttachments: attached && !isInline,
      ...(meeting && { meeting }),
      preview: `${greeting(key)} ${paragraphAt(bodySeed, 0).text}`.slice(0, 255),
      html,
      attachments: (): Attachment[] => {
        if (!attached) return []
        return plan ? plannedAttachments(plan, seed, key) : sampleAttachments(seed, key)
      },
    }
  }

  private rangeOf(key: number): KeyRange | undefined {
    const { ranges } = this.options
    let low = 0
    let high = ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const range = ranges[middle]
      if (range && range.firstKey + range.count <= key) low = middle + 1
      else high = middle
    }
    return ranges[low]
  }
}

function sharedPlace(ordinal: number, { count, sameSecond }: KeyRange): number {
  const first = Math.floor((count - sameSecond) / 2)
  if (sameSecond > 0 && ordinal >= first && ordinal < first + sameSecond) return first
  const inBlock = ordinal % SHARED_BLOCK
  if (inBlock <= SHARED_FIRST || inBlock > SHARED_LAST) return ordinal
  const shared = ordinal - inBlock + SHARED_FIRST
  return sameSecond > 0 && shared < first && ordinal >= first ? first : shared
}

function some(random: Random, most: number): Party[] {
  return Array.from({ length: random.below(most + 1) }, () => random.pick(PEOPLE))
}

function authorOf(kind: FolderKind, owner: Party, other: Party, legacy: boolean): Party | null {
  if (kind === 'drafts') return null
  if (kind === 'sent') return owner
  // Mail from before a migration names its author by an X.500 path.
  if (legacy)
    return {
      name: other.name,
      address: `/O=CONTOSO/OU=EXCHANGE ADMINISTRATIVE GROUP/CN=RECIPIENTS/CN=${other.address.toUpperCase()}`,
    }
  return other
}

function subjectOf(random: Random, key: number, odd: boolean): string | null {
  if (odd && key % 37 === 8) return ODD_SUBJECTS[Math.floor(key / 37) % ODD_SUBJECTS.length] ?? null
  return `${random.pick(SUBJECT_STARTS)}${random.pick(SUBJECTS)} (${key})`
}

function meetingOf(random: Random, at: number): Meeting {
  const messageType = random.pick([
    'meetingRequest',
    'meetingCancelled',
    'meetingAccepted',
    'meetingTenativelyAccepted',
    'meetingDeclined',
  ] as const)
  const start = at + 86_400 - (at % 3600)
  const dateTime = (seconds: number) => ({
    dateTime: `${new Date(seconds * 1000).toISOString().slice(0, 19)}.0000000`,
    timeZone: 'UTC',
  })
  const type =
    messageType === 'meetingRequest'
      ? '#microsoft.graph.eventMessageRequest'
      : messageType === 'meetingCancelled'
        ? '#microsoft.graph.eventMessage'
        : '#microsoft.graph.eventMessageResponse'
  return { type, messageType, start: dateTime(start), end: dateTime(start + 3600), place: 'Conference room 3' }
}

function headersOf(from: Party | null, subject: string | null, at: number): { name: string; value: string }[] {
  return [
    { name: 'Received', value: `from mail.contoso.example (10.0.0.7); ${new Date(at * 1000).toUTCString()}` },
    { name: 'From', value: `${from?.name ?? ''} <${from?.address ?? ''}>` },
    { name: 'Subject', value: subject ?? '' },
    { name: 'X-Mailer', value: 'Contoso Mailer 4' },
  ]
}

function greeting(key: number): string {
  return `Message ${key}.`
}

function paragraphAt(bodySeed: number, index: number): { html: string; text: string } {
  return PARAGRAPHS[(bodySeed + Math.imul(index, 2_654_435_761)) >>> 24] ?? { html: '', text: '' }
}

function bodyOf(key: number, bodySeed: number, bodyBytes: number | undefined, inlineImage: boolean): string {
  const length = bodyBytes ?? 1024 + (bodySeed % 7168)
  const end = `${inlineImage ? '<img src="cid:picture001@contoso.example" alt="logo">' : ''}</body></html>`
  let html = `<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>\r\n<p>${greeting(key)}</p>\r\n`
  for (let index = 0; html.length + end.length < length; index++) html += paragraphAt(bodySeed, index).html
  if (bodyBytes !== undefined) html = html.slice(0, Math.max(0, length - end.length))
  return html + end
}
