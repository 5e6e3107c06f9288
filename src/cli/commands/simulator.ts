import { once } from 'node:events'
import type { Command } from 'commander'
import { startProgram, stopProgram } from '../child.ts'
import { EXIT } from '../exit.ts'
import { untilAskedToStop } from '../signals.ts'

export function addSimulator(program: Command): void {
  program
    .command('simulator')
    .description('a Microsoft Graph look-alike on this machine, to try everything without a tenant')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[options...]', 'see `outlookmail simulator --help`')
    .action(async (_options: string[], _given: object, command: Command) => {
      const stopped = untilAskedToStop()
      const simulator = startProgram('simulator/main', command.args)
      simulator.stdout?.pipe(process.stdout)
      const exited = once(simulator, 'exit') as Promise<[number | null]>
      await Promise.race([stopped, exited])
      await stopProgram(simulator)
      const [code] = await exited
      process.exitCode = code ?? EXIT.failed
    })
}
