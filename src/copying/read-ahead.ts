import type { Semaphore } from './semaphore.ts'

/** What was read at a place, and where to go on; undefined at the end. */
export interface ReadPage<Place, Page> {
  page: Page
  rest: Place | undefined
}

/**
 * The pages from a place on, each asked for while the one before is being stored, so that
 * the network does not wait for the database. A page counts against `unsaved` from the moment it is asked for
 * until the consumer comes back for the next one: that bounds both memory and what a crash makes us fetch again.
 */
export async function* readAhead<Place, Page>(
  from: Place,
  read: (place: Place) => Promise<ReadPage<Place, Page>>,
  unsaved: Semaphore,
  signal: AbortSignal,
): AsyncGenerator<Page, void, undefined> {
  const ask = async (place: Place): Promise<Asked<Place, Page>> => {
    const release = await unsaved.acquire(signal)
    try {
      return { ...(await read(place)), release }
    } catch (error) {
      release()
      throw error
    }
  }

  let asked: Promise<Asked<Place, Page>> | undefined = ask(from)
  try {
    while (asked) {
      const { page, rest, release }: Asked<Place, Page> = await asked
      asked = rest === undefined ? undefined : ask(rest)
      asked?.catch(() => {}) // looked at when its turn comes; until then it must not count as unhandled
      try {
        yield page
      } finally {
        release()
      }
    }
  } finally {
    void asked?.then(({ release }) => release()).catch(() => {})
  }
}

interface Asked<Place, Page> extends ReadPage<Place, Page> {
  release: () => void
}
