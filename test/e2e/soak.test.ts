import { test } from 'node:test'
import { soakRound } from '../support/soak.ts'

/** The short form; `npm run soak` does more rounds. */
for (const seed of [1, 2, 3]) {
  test(`on Graph's worst day, with changes, pauses and kills at random (seed ${seed}), the copy ends up perfect`, async () => {
    await soakRound(seed)
  })
}
