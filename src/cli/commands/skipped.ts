import type { Command } from 'commander'
import { EXIT, type ExitStatus } from '../exit.ts'
import { print } from '../output.ts'
import { withService } from '../service.ts'

export function addSkipped(program: Command, exitWith: (status: ExitStatus) => void): void {
  program
    .command('skipped')
    .description('the ledger: messages that Graph lists and could not give, with the reasons')
    .argument('<id>', 'connection id')
    .option('--json', 'one JSON object a line')
    .option('--retry', 'try them again, and nothing else; the work is done by the service')
    .addHelpText(
      'after',
      `
Examples:
  outlookmail skipped adele@contoso.example
  outlookmail skipped adele@contoso.example --retry

Exit status:
  0  the ledger is empty, or the retry was accepted
  1  failed
  2  bad usage
  3  there are entries`,
    )
    .action(async (id: string, { json, retry }: { json?: true; retry?: true }) => {
      const entries = await withService({ work: false }, async (client) => {
        if (retry) {
          const answer = await client.retrySkipped(id)
          await print(json ? JSON.stringify(answer) : `${id}: ${answer.status}`)
          return 0
        }
        let count = 0
        for await (const entry of client.skipped(id)) {
          count++
          const line = [entry.last_seen, entry.code, entry.folder_path, entry.message_id, entry.reason]
          await print(json ? JSON.stringify(entry) : line.join('\t'))
        }
        return count
      })
      exitWith(entries > 0 ? EXIT.skipped : EXIT.done)
    })
}
