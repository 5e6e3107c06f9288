import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageId } from './message.ts'
import type { MailboxKey, MessageStore } from './message-store.ts'
import { EVERYTHING } from './spans.ts'
import { wantedOf } from './wanted.ts'

const SINCE_2026 = [{ from: '2026-01-01T00:00:00Z', before: null }]

function told(id: string, receivedDateTime?: string | null) {
  return { id: id as MessageId, ...(receivedDateTime !== undefined && { receivedDateTime }) }
}

/** Which of these a lane is to hold, where the store holds some. */
async function wanted(
  received: typeof SINCE_2026 | typeof EVERYTHING,
  all: ReturnType<typeof told>[],
  held: string[] = [],
) {
  const store = {
    heldMessages: async (_mailbox: MailboxKey, ids: readonly MessageId[]) =>
      new Set(ids.filter((id) => held.includes(id))),
  } as Pick<MessageStore, 'heldMessages'> as MessageStore
  const found = await wantedOf(all, { received }, { store, mailboxKey: 1 as MailboxKey })
  return found.map(({ id }) => id)
}

const ALL = [
  told('new', '2026-01-01T00:00:00Z'),
  told('old', '2025-12-31T23:59:59Z'),
  told('undated', null),
  told('told in part'),
]

test('a lane of a stretch of time wants what was received in it, and what does not say when it was', async () => {
  assert.deepEqual(await wanted(SINCE_2026, ALL), ['new', 'told in part'])
})

test('what is stored already is wanted whenever it was received: it is kept as it is in the mailbox', async () => {
  assert.deepEqual(await wanted(SINCE_2026, ALL, ['old', 'undated']), ['new', 'old', 'undated', 'told in part'])
})

test('a lane of everything wants all of it', async () => {
  assert.deepEqual(await wanted(EVERYTHING, ALL), ['new', 'old', 'undated', 'told in part'])
})
