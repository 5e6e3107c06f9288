import { once } from 'node:events'
import { EXIT } from './exit.ts'

/** Data for whoever reads us. Waits for a slow reader instead of gathering lines in memory. */
export async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}

/** What becomes of us when nobody takes our output any more. */
export function handleOutputErrors(): void {
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(EXIT.done) // the reader (`head`, say) has seen enough
    process.stderr.write(`outlookmail: the output cannot be written (${code})\n`)
    process.exit(EXIT.failed)
  })
  process.stderr.on('error', () => {}) // progress without a reader is no reason to stop the work
}
