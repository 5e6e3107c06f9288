import type { Command } from 'commander'
import { describeBatch, describeRecord } from '../describe.ts'
import { EXIT, EXIT_HELP, type ExitStatus } from '../exit.ts'
import { isBatchId } from '../ids.ts'
import { withService } from '../service.ts'

export function addStatus(program: Command, exitWith: (status: ExitStatus) => void): void {
  program
    .command('status')
    .description('how far an extraction or a batch is')
    .argument('<id>', 'connection id or batch id')
    .option('--json', 'print the record as JSON')
    .addHelpText('after', `\nExample:\n  outlookmail status adele@contoso.example\n${EXIT_HELP}`)
    .action(async (id: string, { json }: { json?: true }) => {
      const status = await withService({ work: false }, async (client) => {
        if (isBatchId(id)) {
          const batch = await client.batchStatus(id)
          console.log(json ? JSON.stringify(batch) : describeBatch(batch))
          return batch.status
        }
        const record = await client.status(id)
        const text = record.status === 'not_started' ? `${id}: not started` : describeRecord(record)
        console.log(json ? JSON.stringify(record) : text)
        return record.status
      })
      exitWith(status === 'failed' ? EXIT.failed : status === 'paused' ? EXIT.paused : EXIT.done)
    })
}
