/** What a page cost, as far as the next size depends on it. */
export interface PageCost {
  items: number
  bytes: number
  elapsedMs: number
}

// Pages of 100 with bodies are what other clients run well with; Graph takes up to 1000 (docs: $top of messages).
export const FIRST_PAGE_SIZE = 100
const LARGEST_PAGE_SIZE = 1000

// A page that was quick stays below the limit at four times its size as well, and the first small ones are soon over.
const GROWTH = 4

// Far below the 30 s after which Graph gives a request up.
const QUICK_MS = 2_000
// Memory is bounded by bytes in flight: 4 pages of a mailbox, parsed, times the mailboxes at once. Where Graph takes longer than
// this for a message, four requests at once bring less than we can store (5,000 messages a second), and hardly two pages are held
// at once: then larger ones spare some of the waits that each costs whatever is on it.
const SLOW_MS_A_MESSAGE = 1
const WANTED_BYTES = 2_000_000
const WANTED_BYTES_OF_SLOW = 4_000_000
const HEAVY_BYTES = 8_000_000

/** The size to ask for after a page that came. */
export function sizeAfterPage(size: number, cost: PageCost): number {
  if (cost.bytes > HEAVY_BYTES) return smallerSize(size)
  // A page far from full says nothing of a larger one, for instance where the server chooses the size itself.
  const isFull = cost.items * 2 >= size
  if (!isFull || cost.elapsedMs > QUICK_MS) return size
  const isSlow = cost.elapsedMs > cost.items * SLOW_MS_A_MESSAGE
  const wantedBytes = isSlow ? WANTED_BYTES_OF_SLOW : WANTED_BYTES
  const wanted = Math.floor((wantedBytes * cost.items) / cost.bytes)
  return Math.max(1, Math.min(wanted, size * GROWTH, LARGEST_PAGE_SIZE))
}

/** The size to ask for after a page that could not be had; at 1 it is the item itself. */
export function smallerSize(size: number): number {
  return Math.max(1, Math.floor(size / 2))
}
