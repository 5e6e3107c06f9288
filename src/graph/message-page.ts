import type { Checkpoint, Way } from '../copying/checkpoint.ts'
import type { MessageVersion, Page } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import { BrokenAnswerError } from './failure.ts'
import { isRecord } from './graph-error.ts'
import type { GraphUrl } from './graph-url.ts'
import { itemsOf } from './read-collection.ts'
import { isWhole, toMessage, toPatch } from './to-message.ts'
import type { WireMessage } from './wire.ts'

/** A page of messages, with what the walk wants to know of it. */
export interface MessagePage {
  page: Omit<Page, 'bytes'>
  itemCount: number
}

/** Reads a page of messages that was asked for with `link`, or from the start. */
export function readMessagePage(json: unknown, graphUrl: GraphUrl, way: Way, link: string | undefined): MessagePage {
  const items = itemsOf<WireMessage>(json)
  const next = nextOf(json, graphUrl, way, link)
  return { page: { ...sortOut(items, way), next }, itemCount: items.length }
}

function nextOf(json: unknown, graphUrl: GraphUrl, way: Way, asked: string | undefined): Checkpoint {
  const answer = isRecord(json) ? json : {}
  const nextLink = graphUrl.linkIn(answer, '@odata.nextLink')
  if (nextLink !== undefined && nextLink === asked) {
    throw new BrokenAnswerError('A page names itself as the next one', 'repeated_link')
  }
  if (nextLink !== undefined) return { at: 'page', link: nextLink }
  const deltaLink = graphUrl.linkIn(answer, '@odata.deltaLink')
  if (deltaLink !== undefined) return { at: 'end', link: deltaLink }
  if (way.source === 'list') return { at: 'end', link: '' } // a listing leaves nothing to go on from
  throw new BrokenAnswerError('A page has neither a next link nor a delta link')
}

type Items = Omit<Page, 'next' | 'bytes'>

/** An item may come more than once on a page; the last word counts, and a partial last word is not enough. */
function sortOut(items: WireMessage[], { content }: Way): Items {
  const page: Items = { messages: [], patches: [], incomplete: [], versions: [], removed: [] }
  const last = new Map<string, WireMessage>()
  for (const item of items) {
    const repeatsPartly = content === 'whole' && last.has(item.id) && item['@removed'] === undefined && !isWhole(item)
    last.set(item.id, repeatsPartly ? { id: item.id } : item)
  }
  for (const item of last.values()) put(page, item, content)
  return page
}

function toVersion({ id, changeKey, receivedDateTime }: WireMessage): MessageVersion {
  const version = { id: id as MessageId, changeKey: changeKey ?? null }
  return receivedDateTime === undefined ? version : { ...version, receivedDateTime }
}

function put(page: Items, item: WireMessage, content: Way['content']): void {
  const id = item.id as MessageId
  if (item['@removed'] !== undefined) page.removed.push(id)
  else if (content === 'ids') page.versions.push(toVersion(item))
  else if (isWhole(item)) page.messages.push(toMessage(item))
  else {
    const patch = toPatch(item)
    if (patch) page.patches.push(patch)
    else page.incomplete.push(id)
  }
}
