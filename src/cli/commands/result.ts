import type { Command } from 'commander'
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
        for await (const email of client.result(id, { partial: partial ?? false })) {
          const from = email.recipients.find((recipient) => recipient.recipient_type === 'from')?.email_address ?? '-'
          const line = [email.received_date_time ?? '-', from, email.folder_path, email.subject ?? '']
          await print(json ? JSON.stringify(email) : line.join('\t').replaceAll(/[\r\n]+/g, ' '))
        }
      })
    })
}
