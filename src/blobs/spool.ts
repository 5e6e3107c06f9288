import { createHash, randomUUID } from 'node:crypto'
import { closeSync, fsync, openSync, readFileSync, readlinkSync, readSync, renameSync, rmSync, writev } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock } from '../clock.ts'
import type { Blob, Sha256 } from '../copying/blob-store.ts'
import { onDisk } from './disk-error.ts'

/** No transfer stands still that long: the bytes of Graph and of a disk come within minutes or fail. */
const ABANDONED_AFTER_MS = 3_600_000

/*
 * Files are opened and closed synchronously: in the memory of the system that is a matter of microseconds, less than to hand
 * it to another thread and to hear of its end. Long writes, and what waits for the disk itself, the sync, do not block.
 */

/** Returns once what was written to a file, or in a folder, is on the disk. */
export const syncToDisk = promisify(fsync)

const writeToFile = promisify(writev)

/** TLS brings 16 kB at a time, and a write costs about as much whatever its size. */
const WRITE_BYTES = 256 * 1024

/** Bytes that have arrived whole, in a private file that disposing removes, unless it was moved. */
export class SpooledFile implements Disposable {
  readonly blob: Blob
  readonly #path: string
  readonly #descriptor: number
  #isMoved = false

  constructor(path: string, descriptor: number, blob: Blob) {
    this.#path = path
    this.#descriptor = descriptor
    this.blob = blob
  }

  /** Returns once the bytes are on the disk, and not only in the memory of the system. */
  sync(): Promise<void> {
    return syncToDisk(this.#descriptor)
  }

  /** Gives it another name in the same file system, in the place of whatever has that name. */
  moveTo(path: string): void {
    renameSync(this.#path, path)
    this.#isMoved = true
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

  [Symbol.dispose](): void {
    if (this.#isMoved) quietly(() => closeSync(this.#descriptor))
    else discard(this.#path, this.#descriptor)
  }
}

/**
 * A folder of files that are being received. A hash is known only at the end, so bytes wait here for their name.
 * Several processes may share the folder: the name of a file says whose it is.
 */
export class Spool {
  readonly #folder: string
  readonly #clock: Clock

  private constructor(folder: string, clock: Clock) {
    this.#folder = folder
    this.#clock = clock
  }

  static async open(folder: string, clock: Clock): Promise<Spool> {
    await onDisk(folder, () => mkdir(folder, { recursive: true, mode: 0o700 }))
    return new Spool(folder, clock)
  }

  /** Gathers the next lot while the one before is being written: two are held at most. An error of `bytes` is thrown on as it is. */
  async receive(bytes: AsyncIterable<Uint8Array>): Promise<SpooledFile> {
    const path = join(this.#folder, nameFor(OWNER))
    const descriptor = await onDisk(this.#folder, async () => openSync(path, 'wx+', 0o600))
    const writer = new Writer(descriptor)
    try {
      const hash = createHash('sha256')
      let size = 0
      for await (const chunks of gathered(bytes)) {
        for (const chunk of chunks) {
          hash.update(chunk)
          size += chunk.length
        }
        await onDisk(this.#folder, () => writer.write(chunks))
      }
      await onDisk(this.#folder, () => writer.settled())
      return new SpooledFile(path, descriptor, { sha256: hash.digest('hex') as Sha256, size })
    } catch (error) {
      await writer.settled().catch(() => {}) // only then may the number of the file be used for another one
      discard(path, descriptor)
      throw error
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

// NOTE: one per thread. A worker thread that puts blobs would have to be told the run of its process.
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

/** Chunks in lots of a size that is worth a write. */
async function* gathered(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array[]> {
  let chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    chunks.push(chunk)
    size += chunk.length
    if (size < WRITE_BYTES) continue
    yield chunks
    chunks = []
    size = 0
  }
  if (size > 0) yield chunks
}

/** Writes lot after lot at the end of a file; while one is being written, the next may be gathered. */
class Writer {
  readonly #descriptor: number
  #writing: Promise<void> = Promise.resolve()

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  /** Returns when the lot before is written; throws where that failed. */
  async write(chunks: readonly Uint8Array[]): Promise<void> {
    await this.#writing
    this.#writing = writeAll(this.#descriptor, chunks)
    this.#writing.catch(() => {}) // thrown by whoever waits for it
  }

  /** Nothing is being written any more: the file may be closed. */
  settled(): Promise<void> {
    return this.#writing
  }
}

/** A write may take less than it was given. */
async function writeAll(descriptor: number, chunks: readonly Uint8Array[]): Promise<void> {
  let left = chunks
  while (left.length > 0) {
    let { bytesWritten } = await writeToFile(descriptor, left)
    left = left.flatMap((chunk) => {
      const ofThis = Math.min(bytesWritten, chunk.length)
      bytesWritten -= ofThis
      return ofThis === chunk.length ? [] : [chunk.subarray(ofThis)]
    })
  }
}

/** Never fails: what could not be removed is found by a later sweep, and the first error matters more. */
function discard(path: string, descriptor: number): void {
  quietly(() => closeSync(descriptor))
  quietly(() => rmSync(path, { force: true }))
}

function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // said above
  }
}
