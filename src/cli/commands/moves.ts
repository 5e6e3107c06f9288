import type { Command } from 'commander'
import { isBatchId } from '../ids.ts'
import { print } from '../output.ts'
import { withService } from '../service.ts'

const MOVES = {
  pause: 'stop at the next checkpoint, to be continued later',
  continue: 'go on from the last checkpoint; the work is done by the service, or by the next one that starts',
  cancel: 'stop for good; what is stored stays',
} as const

/** `pause`, `continue` and `cancel`: the same command with another word. */
export function addMoves(program: Command): void {
  for (const move of ['pause', 'continue', 'cancel'] as const) {
    program
      .command(move)
      .description(MOVES[move])
      .argument('<id>', 'connection id or batch id')
      .option('--json', 'print the answer as JSON')
      .addHelpText(
        'after',
        `\nExamples:\n  outlookmail ${move} adele@contoso.example\n  outlookmail ${move} batch_0198c2f4\n\nExit status:\n  0  accepted\n  1  refused\n  2  bad usage`,
      )
      .action(async (id: string, { json }: { json?: true }) => {
        await withService({ work: false }, async (client) => {
          const answer = isBatchId(id) ? await client.moveBatch(move, id) : await client.move(move, id)
          await print(json ? JSON.stringify(answer) : `${id}: ${answer.status.replace('_', ' ')}`)
        })
      })
  }
}
