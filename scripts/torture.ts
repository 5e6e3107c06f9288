import { PostgresServer } from '../test/support/postgres.ts'
import { tortureRound } from '../test/support/torture.ts'
import { playRounds } from './play-rounds.ts'

await using server = await PostgresServer.start()
await playRounds('100', (seed) => tortureRound(seed, server))
