import type { Command } from 'commander'
import type { StatusRecord } from '../../http/contract.ts'
import { describeBatch, describeRecord } from '../describe.ts'
import { EXIT, type ExitStatus } from '../exit.ts'
import { isBatchId } from '../ids.ts'
import { print } from '../output.ts'
import { withService } from '../service.ts'

export function addStatus(program: Command, exitWith: (status: ExitStatus) => void): void {
  program
    .command('status')
    .description('how far an extraction or a batch is')
    .argument('<id>', 'connection id or batch id')
    .option('--json', 'print the record as JSON')
    .addHelpText(
      'after',
      `
Examples:
  outlookmail status adele@contoso.example
  outlookmail status batch_0198c2f4 --json

Exit status:
  0  under way, done or cancelled
  1  failed, or never started
  2  bad usage
  3  done, but something was skipped
  4  paused`,
    )
    .action(async (id: string, { json }: { json?: true }) => {
      await withService({ work: false }, async (client) => {
        if (isBatchId(id)) {
          const batch = await client.batchStatus(id)
          await print(json ? JSON.stringify(batch) : describeBatch(batch))
          exitWith(exitStatus(batch.status, batch.progress.messages_skipped))
          return
        }
        const record = await client.status(id)
        const isKnown = record.status !== 'not_started'
        const text = isKnown ? describeRecord(record) : `${id}: not started`
        await print(json ? JSON.stringify(record) : text)
        exitWith(isKnown ? exitStatus(record.status, record.progress.messages_skipped) : EXIT.failed)
      })
    })
}

function exitStatus(status: StatusRecord['status'], skipped: number): ExitStatus {
  if (status === 'failed') return EXIT.failed
  if (status === 'paused') return EXIT.paused
  return status === 'completed' && skipped > 0 ? EXIT.skipped : EXIT.done
}
