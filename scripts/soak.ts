import { soakRound } from '../test/support/soak.ts'
import { playRounds } from './play-rounds.ts'

await playRounds('200', soakRound)
