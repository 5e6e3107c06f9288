import { type AttachmentPlan, checkedPlan } from './attachment-plan.ts'
import type { MailboxRequest } from './world.ts'

const FORM =
  /^([^=\s]+)=(\d{1,9})(?:,folders=([1-9]\d{0,3}))?(?:,attachments=(\d{1,9}):(\d{1,10})-(\d{1,10})(?:x(\d{1,6}))?(?:,largest=(\d{1,10}))?)?$/

/** Reads NAME=COUNT[,folders=N][,attachments=EVERY:MIN-MAX[xMANY][,largest=BYTES]] or NAME=odd; undefined when it is none of them. */
export function readMailbox(text: string): MailboxRequest | undefined {
  const odd = text.match(/^([^=\s]+)=odd$/)
  if (odd) return { name: odd[1] ?? '', odd: 'all' }
  const [, name = '', count, folders, every, minBytes, maxBytes, perMessage, largest] = text.match(FORM) ?? []
  if (count === undefined) return undefined
  const request = { name, messages: Number(count), ...(folders !== undefined && { folderCount: Number(folders) }) }
  if (every === undefined) return request
  const plan = {
    every: Number(every),
    minBytes: Number(minBytes),
    maxBytes: Number(maxBytes),
    ...(perMessage !== undefined && { perMessage: Number(perMessage) }),
    ...(largest !== undefined && { largestBytes: Number(largest) }),
  }
  return isPossible(plan) ? { ...request, attachments: plan } : undefined
}

function isPossible(plan: AttachmentPlan): boolean {
  try {
    return checkedPlan(plan) === plan
  } catch {
    return false
  }
}
