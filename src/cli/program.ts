import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { addDemo } from './commands/demo.ts'
import { addExtract } from './commands/extract.ts'
import { addMigrateStore } from './commands/migrate-store.ts'
import { addMoves } from './commands/moves.ts'
import { addReport } from './commands/report.ts'
import { addResult } from './commands/result.ts'
import { addServe } from './commands/serve.ts'
import { addSimulator } from './commands/simulator.ts'
import { addSkipped } from './commands/skipped.ts'
import { addStatus } from './commands/status.ts'
import { addWorker } from './commands/worker.ts'
import { EXIT, EXIT_HELP, type ExitStatus, explain } from './exit.ts'
import { handleOutputErrors } from './output.ts'

const program = new Command('outlookmail')
  .description('Copies the mail of Outlook and Exchange Online mailboxes into your own database.')
  .version(VERSION)
  .addHelpText(
    'after',
    `
Examples:
  outlookmail demo                            everything at work, without a tenant
  outlookmail extract adele@contoso.example   one mailbox, now
  outlookmail serve                           the API, until Ctrl-C
${EXIT_HELP}`,
  )
  .showHelpAfterError('(outlookmail --help lists the commands)')
  .exitOverride()

const exitWith = (status: ExitStatus) => {
  process.exitCode = status
}

addServe(program)
addWorker(program)
addExtract(program, exitWith)
addStatus(program, exitWith)
addMoves(program)
addResult(program)
addReport(program, exitWith)
addSkipped(program, exitWith)
addMigrateStore(program, exitWith)
addDemo(program)
addSimulator(program)

handleOutputErrors()

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage // commander has already said what is wrong
  } else {
    const { lines, status } = explain(error)
    process.stderr.write(`${lines.join('\n')}\n`)
    process.exitCode = status
  }
}
