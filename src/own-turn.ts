import { setImmediate } from 'node:timers/promises'

/** What a page goes through, the last first: it is stored before another is unpacked and read. */
const STEPS = ['store', 'parse', 'unpack'] as const

type Step = (typeof STEPS)[number]

const waiting: Record<Step, (() => void)[]> = { store: [], parse: [], unpack: [] }
let isServing = false

/**
 * Returns in a round of the event loop that belongs to the caller. What takes the processor for some milliseconds begins so:
 * several such things at once then follow each other with everything between them that is due, an answer over HTTP for
 * instance, where else all would run before anybody is answered. What has come furthest goes first: of pages that
 * arrive together one is stored, and its successor asked for, while the others wait, where else all would be done at the end.
 */
export function ownTurn(step: Step): Promise<void> {
  return new Promise((resolve) => {
    waiting[step].push(resolve)
    if (!isServing) void serve()
  })
}

async function serve(): Promise<void> {
  isServing = true
  for (let begin = await nextOfAll(); begin; begin = await nextOfAll()) begin()
  isServing = false
}

async function nextOfAll(): Promise<(() => void) | undefined> {
  await setImmediate()
  const queue = STEPS.map((step) => waiting[step]).find(({ length }) => length > 0)
  return queue?.shift()
}
