import { readInParts } from './complete-page.ts'
import { copyContents } from './copy-contents.ts'
import type { CopyContext } from './copy-context.ts'
import type { MessageId } from './message.ts'
import { savePart } from './save-part.ts'

const ENTRIES_AT_ONCE = 200

/** Tries again what stands in the ledger, and nothing else. What can be had now leaves the ledger. */
export async function retrySkipped(context: CopyContext): Promise<void> {
  await retryMessages(context)
  const lanes = await context.contents.reopenSkipped(context.claim, context.mailboxKey)
  await copyContents(lanes, { areOver: true }, context)
}

async function retryMessages(context: CopyContext): Promise<void> {
  const { mailboxKey, store } = context
  let after: MessageId | undefined
  for (;;) {
    const entries = await store.listSkipped(mailboxKey, after, ENTRIES_AT_ONCE)
    if (entries.length === 0) return
    for (const { id, lane } of entries) {
      for await (const part of readInParts([id], lane, context, undefined)) await savePart(lane, part, context)
    }
    after = entries.at(-1)?.id
  }
}
