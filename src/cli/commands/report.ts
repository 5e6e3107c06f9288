import type { Command } from 'commander'
import type { ReportAnswer } from '../../http/contract-report.ts'
import { EXIT, EXIT_HELP, type ExitStatus } from '../exit.ts'
import { withService } from '../service.ts'
import { table } from '../table.ts'

export function addReport(program: Command, exitWith: (status: ExitStatus) => void): void {
  program
    .command('report')
    .description('folder by folder, what Graph counts and what is stored, with a verdict')
    .argument('<id>', 'connection id')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', `\nExample:\n  outlookmail report adele@contoso.example\n${EXIT_HELP}`)
    .action(async (id: string, { json }: { json?: true }) => {
      const report = await withService({ work: false }, (client) => client.report(id))
      console.log(json ? JSON.stringify(report) : describe(report))
      exitWith(exitStatus(report))
    })
}

function exitStatus({ complete, status, folders }: ReportAnswer): ExitStatus {
  if (complete) return EXIT.done
  if (status === 'paused') return EXIT.paused
  const onlySkipped =
    status === 'completed' &&
    folders.every(({ held, in_ledger, listed_by_graph }) => held + in_ledger >= (listed_by_graph ?? 0))
  return onlySkipped ? EXIT.skipped : EXIT.failed
}

function describe({ user_upn, complete, reasons, notes, folders }: ReportAnswer): string {
  const rows = folders.map((folder) => [
    folder.path,
    folder.listed_by_graph === null ? '-' : String(folder.listed_by_graph),
    String(folder.held),
    String(folder.in_ledger),
  ])
  return [
    `${user_upn}: ${complete ? 'complete' : 'not complete'}`,
    ...reasons.map((reason) => `  ${reason}`),
    '',
    ...table([['folder', 'Graph counts', 'stored', 'in the ledger'], ...rows]),
    ...(notes.length > 0 ? ['', ...notes.map((note) => `Note: ${note}`)] : []),
  ].join('\n')
}
