import type { Reading } from '../copying/mailbox.ts'
import { isShrink, isSkip, type RequestFailure } from './failure.ts'
import { graphCodeOf } from './graph-client.ts'

/** The ledger's word for what fails without Graph saying why. */
const NO_REASON = 'unreadable'

/**
 * Asks for one thing of a mailbox. Before a thing that fails without a reason is blamed, `probe` asks for something that
 * cannot fail because of it, and throws where Graph itself is not well. `what` follows "Graph cannot give".
 */
export async function readItem<Value>(
  what: string,
  ask: () => Promise<Value>,
  probe: () => Promise<void>,
): Promise<Reading<Value>> {
  try {
    return { is: 'had', value: await ask() }
  } catch (error) {
    if (isSkip(error, 'gone')) return { is: 'gone' }
    if (isSkip(error, 'unreadable')) return unreadable(what, error)
    if (!isShrink(error)) throw error
    await probe()
    return unreadable(what, error)
  }
}

function unreadable(what: string, error: RequestFailure): Extract<Reading<never>, { is: 'unreadable' }> {
  const code = graphCodeOf(error) ?? NO_REASON
  return { is: 'unreadable', code, reason: `Graph cannot give ${what} (${code}), though it gives others` }
}
