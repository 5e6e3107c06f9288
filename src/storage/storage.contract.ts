import { batchesContract } from './batches.contract.ts'
import { contentWritesContract } from './content-writes.contract.ts'
import { contentsContract } from './contents.contract.ts'
import { fillsContract } from './fills.contract.ts'
import { foldersContract } from './folders.contract.ts'
import { messagesContract } from './messages.contract.ts'
import { queueContract } from './queue.contract.ts'
import type { OpenStores } from './testing/fixtures.ts'

/** What every database must do for us; each dialect's test opens one and runs these. */
export function storageContract(open: () => Promise<OpenStores>): void {
  messagesContract(open)
  foldersContract(open)
  contentsContract(open)
  contentWritesContract(open)
  fillsContract(open)
  queueContract(open)
  batchesContract(open)
}
