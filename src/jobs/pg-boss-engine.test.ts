import { openPostgresWorld } from '../../test/support/engine-worlds.ts'
import { jobEngineContract } from './job-engine.contract.ts'

jobEngineContract(openPostgresWorld)
