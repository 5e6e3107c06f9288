import { Worker } from 'node:worker_threads'

/** What the thread is asked to do with a file; each is answered. The number of a file is its asker's. */
export type Task = { file: number } & (
  | { do: 'begin'; path: string; memory: SharedArrayBuffer }
  | { do: 'take'; from: number; length: number }
  | { do: 'end' }
  | { do: 'move'; to: string }
  | { do: 'close' }
)

interface Answer {
  number: number
  value?: unknown
  error?: { message: string } & Partial<NodeJS.ErrnoException>
}

/**
 * A thread that hashes and writes files. To hash costs as much as to unpack TLS, and to open, to rename or to remove a file waits for
 * the file system's journal while another one is synced: elsewhere nobody would be answered meanwhile.
 * Starts when it is first asked, and anew where it has died; it keeps the process alive only while somebody waits for it.
 */
export class FileWriter implements AsyncDisposable {
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #thread: Worker | undefined
  #asked = 0

  ask(task: Task): Promise<unknown> {
    const thread = (this.#thread ??= this.#start())
    const number = this.#asked++
    const answer = Promise.withResolvers<unknown>()
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
