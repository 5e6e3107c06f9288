import type { MailContext } from './graph-request.ts'
import type { StoredMessage } from './mailbox.ts'

/** One bad message spoils every page that would have to render it, as a corrupt item does in Outlook. */
export function failOnPoison(
  { poisons, mailbox }: MailContext,
  messages: Iterable<StoredMessage>,
  select: readonly string[] | undefined,
): void {
  const active = poisons.filter(({ always }) => always || rendersBody(select))
  if (active.length === 0) return
  for (const { key, moves } of messages) {
    const struck = active.find((poison) => poison.messages.has(mailbox.ids.message(key, moves, true)))
    if (struck) throw struck.error
  }
}

/** What makes a page of messages slow, and can make it fail. */
export function rendersBody(select: readonly string[] | undefined): boolean {
  return !select || select.includes('body') || select.includes('uniqueBody')
}
