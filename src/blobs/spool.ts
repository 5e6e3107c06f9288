import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync, readSync } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Blob } from '../copying/blob-store.ts'
import { onDisk } from './disk-error.ts'
import { FileWriter, type Task, type Written } from './file-writer.ts'

/** No transfer stands still that long: the bytes of Graph and of a disk come within minutes or fail. */
const ABANDONED_AFTER_MS = 3_600_000

/** TLS brings 16 kB at a time, and to hand over a lot costs about as much whatever its size: 0.1 ms, to wake the other thread. */
const LOT_BYTES = 512 * 1024

/** One is filled while the one before is hashed and written. */
const LOTS = 2

/** Memories for lots that are kept for the next files: as many as one mailbox has transfers at once, 4 MB. */
const MOST_KEPT = 4

/** Bytes that have arrived whole, in a private file that disposing removes. */
export class SpooledFile implements AsyncDisposable {
  readonly blob: Blob
  readonly #path: string
  readonly #file: number
  readonly #descriptor: number
  readonly #writer: FileWriter

  constructor(writer: FileWriter, file: number, path: string, { descriptor, ...blob }: Written) {
    this.blob = blob
    this.#path = path
    this.#file = file
    this.#descriptor = descriptor
    this.#writer = writer
  }

  readAt(offset: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length)
    let filled = 0
    while (filled < length) {
      const bytesRead = readSync(this.#descriptor, buffer, filled, length - filled, offset + filled)
      if (bytesRead === 0) throw new Error('A spooled file is shorter than what was written to it')
      filled += bytesRead
    }
    return buffer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await discard(this.#writer, this.#file, this.#path)
  }
}

/**
 * A folder of files that are being received. A hash is known only at the end, so bytes wait here for their name.
 * Several processes may share the folder: the name of a file says whose it is.
 */
export class Spool {
  readonly #folder: string
  readonly #clock: Clock
  readonly #writer = new FileWriter()
  /** For lots, of files that are done. */
  readonly #memories: SharedArrayBuffer[] = []
  #files = 0

  private constructor(folder: string, clock: Clock) {
    this.#folder = folder
    this.#clock = clock
  }

  static async open(folder: string, clock: Clock): Promise<Spool> {
    await onDisk(folder, () => mkdir(folder, { recursive: true, mode: 0o700 }))
    return new Spool(folder, clock)
  }

  /** An error of `bytes` is thrown on as it is. */
  async receive(bytes: AsyncIterable<Uint8Array>): Promise<SpooledFile> {
    const { file, path, written } = await this.#write(bytes)
    return new SpooledFile(this.#writer, file, path, written)
  }

  /**
   * As `receive`; then the file becomes a blob below `root`, in the place of whatever has its name there. Returns once bytes and
   * name are on the disk. `root` is in the same file system.
   */
  async keep(bytes: AsyncIterable<Uint8Array>, root: string): Promise<Blob> {
    const { sha256, size } = (await this.#write(bytes, root)).written
    return { sha256, size }
  }

  /** Gathers the next lot while the one before is being written. */
  async #write(bytes: AsyncIterable<Uint8Array>, root?: string) {
    const path = join(this.#folder, nameFor(OWNER))
    const file = this.#files++
    const memory = this.#memories.pop() ?? new SharedArrayBuffer(LOTS * LOT_BYTES)
    const ask = (task: Task) => onDisk(this.#folder, () => this.#writer.ask(task))
    try {
      await ask({ file, do: 'begin', path, memory })
      const naming = root === undefined ? {} : { root }
      const lots = new Lots(memory, (lot) => ask({ file, do: 'take', ...lot, ...(lot.isLast && naming) }))
      for await (const chunk of bytes) {
        if (!lots.add(chunk)) await lots.addInParts(chunk)
      }
      return { file, path, written: await lots.end() }
    } catch (error) {
      await discard(this.#writer, file, path)
      throw error
    } finally {
      if (this.#memories.length < MOST_KEPT) this.#memories.push(memory)
    }
  }

  /** Removes the files of processes that are dead. Of those that cannot be asked, what nobody has written to for an hour. */
  async sweep(): Promise<void> {
    await onDisk(this.#folder, async () => {
      for (const entry of await readdir(this.#folder, { withFileTypes: true })) {
        if (entry.isFile() && (await this.#isAbandoned(entry.name))) {
          await rm(join(this.#folder, entry.name), { force: true })
        }
      }
    })
  }

  close(): Promise<void> {
    return this.#writer[Symbol.asyncDispose]()
  }

  async #isAbandoned(name: string): Promise<boolean> {
    const owner = ownerOf(name)
    if (owner?.run === OWNER.run) return false
    // Our own number with another run: a process before us had it, as in a container that starts again.
    if (owner?.pidSpace === OWNER.pidSpace && (owner.pid === OWNER.pid || !isAlive(owner.pid))) return true
    const writtenAt = await lastWriteTo(join(this.#folder, name))
    return writtenAt !== undefined && this.#clock.now() - writtenAt > ABANDONED_AFTER_MS
  }
}

interface Owner {
  /** Where process numbers mean the same: two containers, or a host before and after its restart, count on their own. */
  pidSpace: string
  pid: number
  /** Tells this process from another that has, or had, the same number. */
  run: string
}

// NOTE: one per thread. The thread that writes is told the names.
const OWNER: Owner = { pidSpace: readPidSpace(), pid: process.pid, run: randomUUID() }

function nameFor({ pidSpace, pid, run }: Owner): string {
  return `${pidSpace}.${pid}.${run}.${randomUUID()}`
}

function ownerOf(name: string): Owner | undefined {
  const [, pidSpace, pid, run] = /^([0-9a-f]+)\.(\d+)\.([0-9a-f-]+)\.[0-9a-f-]+$/.exec(name) ?? []
  return pidSpace && pid && run ? { pidSpace, pid: Number(pid), run } : undefined
}

/** On Linux, the running kernel and its namespace of process numbers; elsewhere the host's name has to do. */
function readPidSpace(): string {
  const parts = [
    hostname(),
    orNothing(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
    orNothing(() => readlinkSync('/proc/self/ns/pid')),
  ]
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12)
}

function orNothing(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0) // signal 0 only asks
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

async function lastWriteTo(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined // its owner has just finished
    throw error
  }
}

interface Lot {
  from: number
  length: number
  isLast: boolean
}

/** Gathers chunks in lots of a size that is worth to be handed over. */
class Lots {
  readonly #memory: Uint8Array
  readonly #take: (lot: Lot) => Promise<Written | undefined>
  /** What was handed over last; until it is taken nothing else is. */
  #taking: Promise<Written | undefined> = Promise.resolve(undefined)
  #from = 0
  #length = 0

  constructor(memory: SharedArrayBuffer, take: (lot: Lot) => Promise<Written | undefined>) {
    this.#memory = new Uint8Array(memory)
    this.#take = take
  }

  /** False, and nothing done, where the chunk fills the lot. */
  add(chunk: Uint8Array): boolean {
    if (this.#length + chunk.length >= LOT_BYTES) return false
    this.#append(chunk)
    return true
  }

  /** Throws where the lot before could not be written. */
  async addInParts(chunk: Uint8Array): Promise<void> {
    for (let added = 0; added < chunk.length; ) {
      const part = chunk.subarray(added, added + LOT_BYTES - this.#length)
      this.#append(part)
      added += part.length
      if (this.#length === LOT_BYTES) await this.#handOver(false)
    }
  }

  async end(): Promise<Written> {
    await this.#handOver(true)
    const written = await this.#taking
    if (!written) throw new Error('The last lot is not the last')
    return written
  }

  #append(bytes: Uint8Array): void {
    this.#memory.set(bytes, this.#from + this.#length)
    this.#length += bytes.length
  }

  async #handOver(isLast: boolean): Promise<void> {
    await this.#taking
    this.#taking = this.#take({ from: this.#from, length: this.#length, isLast })
    this.#taking.catch(() => {}) // thrown by whoever waits for it
    this.#from = LOT_BYTES - this.#from
    this.#length = 0
  }
}

/** Never fails: what could not be removed is found by a later sweep, and the first error matters more. */
async function discard(writer: FileWriter, file: number, path: string): Promise<void> {
  await writer.ask({ file, do: 'close' }).catch(() => {})
  await rm(path, { force: true }).catch(() => {})
}
