import { BrokenAnswerError } from './failure.ts'
import { isRecord } from './graph-error.ts'

/** The items of an answer with `value`, each with an id; anything else is an answer that broke on its way. */
export function itemsOf<Item extends { id: string }>(json: unknown): Item[] {
  if (!isRecord(json) || !Array.isArray(json.value)) throw new BrokenAnswerError('An answer has no items')
  const items: unknown[] = json.value
  for (const item of items) identified(item)
  return items as Item[]
}

/** An item by itself. */
export function itemOf<Item extends { id: string }>(json: unknown): Item {
  identified(json)
  return json as Item
}

function identified(item: unknown): void {
  if (isRecord(item) && typeof item.id === 'string' && item.id !== '') return
  throw new BrokenAnswerError('An item has no id')
}
