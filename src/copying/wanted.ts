import type { CopyContext } from './copy-context.ts'
import type { MessageId } from './message.ts'
import type { Lane } from './message-store.ts'
import { includes, isEverything } from './spans.ts'

/**
 * Of what a walk was told of, what the lane is to hold: what was received within its spans, whatever does not say when it
 * was, and what is stored already, which is kept as it is in the mailbox.
 */
export async function wantedOf<Told extends { id: MessageId; receivedDateTime?: string | null }>(
  told: Told[],
  { received }: Pick<Lane, 'received'>,
  { store, mailboxKey }: Pick<CopyContext, 'store' | 'mailboxKey'>,
): Promise<Told[]> {
  if (isEverything(received)) return told
  const isWithin = ({ receivedDateTime: time }: Told) => time === undefined || includes(received, time)
  const outside = told.filter((one) => !isWithin(one)).map(({ id }) => id)
  const held = await store.heldMessages(mailboxKey, outside)
  return told.filter((one) => isWithin(one) || held.has(one.id))
}
