import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import SqliteHandle from 'better-sqlite3'
import { AppError } from '../errors.ts'
import { makePrivateFile } from './private-file.ts'

/** Who owns a database file, as told to other programs of the same user. */
export interface DatabaseOwner {
  pid: number
  /** Where the owner's API listens. */
  url: string
}

/**
 * Makes this process the one owner of a database file. The lock is one that the kernel holds (SQLite's own, on
 * a file beside the database), so it ends with the process, however that ends.
 */
export class DatabaseLock {
  readonly #handle: SqliteHandle.Database
  readonly #ownerFile: string

  private constructor(handle: SqliteHandle.Database, ownerFile: string) {
    this.#handle = handle
    this.#ownerFile = ownerFile
  }

  /** Undefined where another process owns the file. */
  static tryAcquire(databasePath: string): DatabaseLock | undefined {
    let handle: SqliteHandle.Database | undefined
    try {
      makePrivateFile(`${databasePath}.lock`)
      handle = new SqliteHandle(`${databasePath}.lock`, { timeout: 0 })
      handle.exec('begin immediate')
      rmSync(ownerFileOf(databasePath), { force: true }) // of one that was killed; another service may answer there now
      return new DatabaseLock(handle, ownerFileOf(databasePath))
    } catch (error) {
      handle?.close()
      if (String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')) return undefined
      throw unusableFolder(databasePath, error)
    }
  }

  /** Tells other programs where to find the owner. */
  announce(url: string): void {
    const owner: DatabaseOwner = { pid: process.pid, url }
    const temporary = `${this.#ownerFile}.new`
    writeFileSync(temporary, JSON.stringify(owner), { mode: 0o600 })
    renameSync(temporary, this.#ownerFile)
  }

  [Symbol.dispose](): void {
    rmSync(this.#ownerFile, { force: true })
    this.#handle.close()
  }
}

/** What the owner last announced; undefined between its start and its first word. */
export function readOwner(databasePath: string): DatabaseOwner | undefined {
  try {
    return JSON.parse(readFileSync(ownerFileOf(databasePath), 'utf8')) as DatabaseOwner
  } catch {
    return undefined
  }
}

function ownerFileOf(databasePath: string): string {
  return `${databasePath}.owner`
}

function unusableFolder(databasePath: string, cause: unknown): AppError {
  const code = String((cause as { code?: unknown }).code)
  if (code === 'SQLITE_FULL' || code === 'ENOSPC') {
    return new AppError('storage_full', 'The disk that holds the database is full: free some space', { cause })
  }
  const folder = dirname(databasePath)
  if (code.startsWith('SQLITE_READONLY') || ['EACCES', 'EROFS', 'EPERM'].includes(code)) {
    return new AppError(
      'storage_readonly',
      `The folder ${folder} cannot be written: give this user the right to, or set DATABASE_URL and DATA_DIR`,
      { cause },
    )
  }
  return new AppError('database_unavailable', `DATABASE_URL: no database can be kept at ${databasePath} (${code})`, {
    cause,
  })
}
