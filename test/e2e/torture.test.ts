import { test } from 'node:test'
import { tortureRound } from '../support/torture.ts'

/** The short form; `npm run torture` does more rounds. */
test('whatever happens to workers and database server at random, every mailbox is copied once and in full', async () => {
  await tortureRound(1)
})
