import type { ByteBudget, Share } from './byte-budget.ts'
import { Semaphore } from './semaphore.ts'

/** Pages of a mailbox on their way from Graph to the database: what a crash makes us fetch again at most. */
const MOST_PAGES = 4

/** What bounds the pages that are asked for and not yet stored: their number in each mailbox, their weight over all mailboxes. */
export class UnsavedPages {
  readonly #permits = new Semaphore(MOST_PAGES)
  readonly #budget: ByteBudget

  constructor(budget: ByteBudget) {
    this.#budget = budget
  }

  /** @param bytes what the page is thought to weigh */
  async enter(bytes: number, signal: AbortSignal): Promise<Share> {
    const release = await this.#permits.acquire(signal)
    try {
      const share = await this.#budget.take(bytes, signal)
      return {
        weigh: share.weigh,
        giveBack: () => {
          share.giveBack()
          release()
        },
      }
    } catch (error) {
      release()
      throw error
    }
  }
}
