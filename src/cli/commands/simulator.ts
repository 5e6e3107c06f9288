import { once } from 'node:events'
import type { Command } from 'commander'
import { startProgram } from '../child.ts'

export function addSimulator(program: Command): void {
  program
    .command('simulator')
    .description('a Microsoft Graph look-alike on this machine, to try everything without a tenant')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[options...]', 'see `outlookmail simulator --help`')
    .action(async (_options: string[], _given: object, command: Command) => {
      const simulator = startProgram('simulator/main', command.args)
      simulator.stdout?.pipe(process.stdout)
      process.once('SIGINT', () => {}) // the simulator hears it too, and ends; so do we then
      process.once('SIGTERM', () => simulator.kill('SIGTERM'))
      const [code] = (await once(simulator, 'exit')) as [number | null]
      process.exitCode = code ?? 1
    })
}
