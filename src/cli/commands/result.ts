import type { Command } from 'commander'
import { AppError } from '../../errors.ts'
import type { Email } from '../../http/contract.ts'
import { isBatchId } from '../ids.ts'
import { print } from '../output.ts'
import { withService } from '../service.ts'

export function addResult(program: Command): void {
  program
    .command('result')
    .description('the stored mail of a connection, newest first; of a batch, how each mailbox ended')
    .argument('<id>', 'connection id or batch id')
    .option('--json', 'one JSON object a line, with everything that is stored')
    .option('--partial', 'what is stored so far, whatever the state')
    .addHelpText(
      'after',
      `
Examples:
  outlookmail result adele@contoso.example | head
  outlookmail result adele@contoso.example --json --partial > adele.jsonl

Exit status:
  0  printed
  1  not ready, or nothing was ever started
  2  bad usage`,
    )
    .action(async (id: string, { json, partial }: { json?: true; partial?: true }) => {
      await withService({ work: false }, async (client) => {
        if (isBatchId(id)) {
          const batch = await client.batchResult(id)
          await print(json ? JSON.stringify(batch) : JSON.stringify(batch, null, 2))
          return
        }
        let printed = 0
        try {
          for await (const email of client.result(id, { partial: partial ?? false })) {
            await print(json ? JSON.stringify(email) : oneLine(email))
            printed++
          }
        } catch (cause) {
          if (printed === 0) throw cause
          const message = `Only ${printed} emails were printed, then: ${(cause as Error).message}`
          throw new AppError('service_unreachable', message, { cause })
        }
      })
    })
}

function oneLine({ recipients, received_date_time, folder_path, subject }: Email): string {
  const from = recipients.find((recipient) => recipient.recipient_type === 'from')?.email_address
  return [received_date_time ?? '-', from ?? '-', folder_path, subject ?? ''].join('\t').replaceAll(/[\r\n]+/g, ' ')
}
