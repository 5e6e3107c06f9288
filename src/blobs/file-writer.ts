import { Worker } from 'node:worker_threads'
import type { Sha256 } from '../copying/blob-store.ts'

/**
 * What the thread is asked to do with a file, each of which it answers in turn: to open it; to write a part of the memory that it
 * shares with its asker; or to close it. Its number is the asker's. With the last part may come the folder of blobs below which it
 * is to have its name: then it is synced, named and closed, and answered once bytes and name are on the disk, and not only in
 * the memory of the system.
 */
export type Task = { file: number } & (
  | { do: 'begin'; path: string; memory: SharedArrayBuffer }
  | { do: 'take'; from: number; length: number; isLast: boolean; root?: string }
  | { do: 'close' }
)

/** What is answered to the last `take`. */
export interface Written {
  sha256: Sha256
  size: number
  /** Belongs to the thread, which closes it; until then anybody in the process may read with it. Of a named file it is closed. */
  descriptor: number
}

interface Answer {
  number: number
  value?: Written
  error?: { message: string } & Partial<NodeJS.ErrnoException>
}

/**
 * A thread that hashes and writes files: a fifth of what it costs to fetch them. To open or to rename a file may wait for the
 * journal of the file system while others are synced, and elsewhere nobody would be answered meanwhile.
 * It starts when it is first asked, and anew where it has died; it keeps the process alive only while somebody waits for it.
 */
export class FileWriter implements AsyncDisposable {
  readonly #waiting = new Map<number, PromiseWithResolvers<Written | undefined>>()
  #thread: Worker | undefined
  #asked = 0

  ask(task: Task): Promise<Written | undefined> {
    const thread = this.#thread ?? this.#start()
    this.#thread = thread
    const number = this.#asked++
    const answer = Promise.withResolvers<Written | undefined>()
    if (this.#waiting.size === 0) thread.ref()
    this.#waiting.set(number, answer)
    thread.postMessage({ ...task, number })
    return answer.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread?.terminate()
  }

  #start(): Worker {
    const thread = new Worker(new URL('./file-writer-thread.js', import.meta.url), {
      // What is written lies in memory that is shared.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 },
    })
    let failure: unknown = new Error('The thread that writes files has ended')
    thread.unref()
    thread.on('message', (answer: Answer) => this.#settle(answer))
    thread.on('error', (error) => {
      failure = error
    })
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined
      for (const { reject } of this.#waiting.values()) reject(failure)
      this.#waiting.clear()
    })
    return thread
  }

  #settle({ number, value, error }: Answer): void {
    const answer = this.#waiting.get(number)
    this.#waiting.delete(number)
    if (this.#waiting.size === 0) this.#thread?.unref()
    if (error) answer?.reject(Object.assign(new Error(error.message), error))
    else answer?.resolve(value)
  }
}
