import { Worker } from 'node:worker_threads'

/** Between two checkpoints: short, so that each is; long enough that pages that are written often are copied once. */
const PAUSE_MS = 100

/**
 * Copies what the write-ahead log of SQLite gathers to the database file ("checkpoint", sqlite.org/wal.html), on a thread of
 * its own. That waits for the disk, more than half of what writing mail costs, and elsewhere nobody is answered meanwhile.
 */
export class Checkpointer implements AsyncDisposable {
  readonly #thread: Worker
  readonly #ended: Promise<unknown>
  #isFree = true
  #endedAt = performance.now()

  constructor(path: string) {
    this.#thread = new Worker(new URL('./checkpoint-thread.js', import.meta.url), {
      workerData: path,
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
    })
    this.#thread.unref() // a process that has nothing else to do may end
    this.#ended = new Promise((resolve) => this.#thread.once('exit', resolve))
    this.#thread.on('message', () => {
      this.#isFree = true
      this.#endedAt = performance.now()
    })
    // Without it the log is copied by whoever writes, once it is long: see openSqlite.
    this.#thread.on('error', () => {})
  }

  /** There is something new in the log. */
  committed(): void {
    if (!this.#isFree || performance.now() - this.#endedAt < PAUSE_MS) return
    this.#isFree = false
    this.#thread.postMessage('checkpoint')
  }

  /** Whoever closes the database last makes the last checkpoint, and removes the log: it must not be this. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#thread.ref()
    this.#thread.postMessage('end')
    await this.#ended
  }
}
