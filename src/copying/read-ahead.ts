import type { Share } from './byte-budget.ts'
import type { UnsavedPages } from './unsaved-pages.ts'

/** What a page is thought to weigh before one of its kind has come: a hundred messages of a few kilobytes. */
const FIRST_BYTES = 1_000_000

/** What was read at a place, and where to go on; undefined at the end. */
export interface ReadPage<Place, Page> {
  page: Page
  rest: Place | undefined
}

/**
 * The pages from a place on, each asked for while the one before is being stored, so that
 * the network does not wait for the database. A page counts as unsaved from the moment it is asked for
 * until the consumer comes back for the next one: that bounds both memory and what a crash makes us fetch again.
 */
export async function* readAhead<Place, Page extends { bytes: number }>(
  from: Place,
  read: (place: Place) => Promise<ReadPage<Place, Page>>,
  unsaved: UnsavedPages,
  signal: AbortSignal,
): AsyncGenerator<Page, void, undefined> {
  const ask = async (place: Place, bytes: number): Promise<Asked<Place, Page>> => {
    const share = await unsaved.enter(bytes, signal)
    try {
      const asked = await read(place)
      share.weigh(asked.page.bytes)
      return { ...asked, share }
    } catch (error) {
      share.giveBack()
      throw error
    }
  }

  let asked: Promise<Asked<Place, Page>> | undefined = ask(from, FIRST_BYTES)
  try {
    while (asked) {
      const { page, rest, share }: Asked<Place, Page> = await asked
      asked = rest === undefined ? undefined : ask(rest, page.bytes)
      asked?.catch(() => {}) // looked at when its turn comes; until then it must not count as unhandled
      try {
        yield page
      } finally {
        share.giveBack()
      }
    }
  } finally {
    void asked?.then(({ share }) => share.giveBack()).catch(() => {})
  }
}

interface Asked<Place, Page> extends ReadPage<Place, Page> {
  share: Share
}
