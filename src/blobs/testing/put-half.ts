import { systemClock } from '../../clock.ts'
import { AppError } from '../../errors.ts'
import { FileBlobStore } from '../file-blob-store.ts'

/**
 * A process that puts a blob of two thousand and one chunks into the store at `argv[2]`. It says `half` when all but the
 * last are on their way, waits for a word, and says what it has put, or the code of the error.
 */
async function* halfAndThenTheRest(): AsyncGenerator<Uint8Array> {
  for (let number = 0; number < 2_000; number++) yield Buffer.alloc(1_000, number)
  process.send?.('half')
  await new Promise((resolve) => process.once('message', resolve))
  yield Buffer.from('the rest')
}

const store = await FileBlobStore.open(process.argv[2] ?? '', systemClock)
const result = await store
  .put(halfAndThenTheRest())
  .catch((error: unknown) => (error instanceof AppError ? error.code : String(error)))
process.send?.(result)
process.disconnect?.()
