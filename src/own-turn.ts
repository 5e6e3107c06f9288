import { setImmediate } from 'node:timers/promises'

let last: Promise<unknown> = Promise.resolve()

/**
 * Returns in a round of the event loop that belongs to the caller. What takes the processor for some milliseconds begins so:
 * several such things at once then follow each other with everything between them that is due, an answer over HTTP for
 * instance, where else all would run before anybody is answered.
 */
export function ownTurn(): Promise<void> {
  const turn = last.then(() => setImmediate())
  last = turn
  return turn
}
