import type { Checkpoint } from './checkpoint.ts'
import type { Mailbox, Page } from './mailbox.ts'
import type { Lane } from './message-store.ts'
import type { Semaphore } from './semaphore.ts'

/**
 * The pages of a folder from a checkpoint on, each asked for while the one before is being stored, so that
 * the network does not wait for the database. A page counts against `unsaved` from the moment it is asked for
 * until the consumer comes back for the next one: that bounds both memory and what a crash makes us fetch again.
 */
export async function* readAhead(
  mailbox: Pick<Mailbox, 'readPage'>,
  { folderId, checkpoint: from, way }: Pick<Lane, 'folderId' | 'checkpoint' | 'way'>,
  unsaved: Semaphore,
  signal: AbortSignal,
): AsyncGenerator<Page, void, undefined> {
  const ask = async (checkpoint: Checkpoint): Promise<Asked> => {
    const release = await unsaved.acquire(signal)
    try {
      return { page: await mailbox.readPage(folderId, checkpoint, way), release }
    } catch (error) {
      release()
      throw error
    }
  }

  let asked: Promise<Asked> | undefined = ask(from)
  try {
    while (asked) {
      const { page, release }: Asked = await asked
      asked = page.next.at === 'page' ? ask(page.next) : undefined
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

interface Asked {
  page: Page
  release: () => void
}
