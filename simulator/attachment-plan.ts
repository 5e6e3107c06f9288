import type { Attachment } from './message-content.ts'
import { mix, Random } from './random.ts'
import { seededContent } from './seeded-content.ts'

/** Which messages of a generated mailbox have attachments, how many and how large. */
export interface AttachmentPlan {
  /** Of so many messages one has attachments. */
  every: number
  minBytes: number
  /** Sizes lie between the two; small ones are more frequent. */
  maxBytes: number
  /** How many a message has that has some; 1 without it. */
  perMessage?: number
  /** The size of the very first one. */
  largestBytes?: number
}

const KINDS = [
  ['Report', 'pdf', 'application/pdf'],
  ['Photo', 'jpg', 'image/jpeg'],
  ['Drawing', 'zip', 'application/zip'],
  ['Figures', 'xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
] as const

export function checkedPlan(plan: AttachmentPlan): AttachmentPlan {
  const { every, minBytes, maxBytes, perMessage = 1, largestBytes = 0 } = plan
  const isWhole = [every, minBytes, maxBytes, perMessage, largestBytes].every((number) => Number.isSafeInteger(number))
  if (!isWhole || every < 1 || minBytes < 0 || maxBytes < minBytes || perMessage < 1)
    throw new RangeError(`Attachments cannot be planned like this: ${JSON.stringify(plan)}`)
  return plan
}

export function isPlanned({ every }: AttachmentPlan, key: number): boolean {
  return key % every === every - 1
}

/** No two are equal, and none is held: their bytes are made while they are read. */
export function plannedAttachments(
  { every, minBytes, maxBytes, perMessage = 1, largestBytes }: AttachmentPlan,
  seed: number,
  key: number,
): Attachment[] {
  return Array.from({ length: perMessage }, (_, index): Attachment => {
    const number = key * perMessage + index
    const random = new Random(mix(seed, number, 10))
    const [name, extension, contentType] = random.pick(KINDS)
    const share = random.next() / 0x100000000
    const isFirst = key === every - 1 && index === 0
    const size = Math.min(maxBytes, Math.floor((minBytes + 1) * ((maxBytes + 1) / (minBytes + 1)) ** share) - 1)
    return {
      kind: 'file',
      name: `${name} ${number}.${extension}`,
      contentType,
      isInline: false,
      contentId: null,
      content: seededContent(seed, number, (isFirst && largestBytes) || Math.max(minBytes, size)),
    }
  })
}
