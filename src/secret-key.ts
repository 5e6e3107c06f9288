import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from './errors.ts'

const KEY_BYTES = 32

const CURES: Record<string, string> = {
  ENOSPC: 'free some space',
  EACCES: 'give this user the right to',
  EPERM: 'give this user the right to',
}

/** The key of the data folder, made on first use. It must outlive the database, or stored client secrets cannot be read. */
export function loadSecretKey(dataDir: string): Buffer {
  const path = join(dataDir, 'secret.key')
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    return readKey(path) ?? makeKey(path)
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const code = String((cause as { code?: unknown }).code)
    throw new AppError(
      code === 'ENOSPC' ? 'storage_full' : 'storage_readonly',
      `DATA_DIR: the key file ${path} cannot be read or made (${code}): ${CURES[code] ?? 'choose another DATA_DIR'}, or set SECRET_KEY`,
      { cause },
    )
  }
}

function readKey(path: string): Buffer | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined
    throw error
  }
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length !== KEY_BYTES) {
    throw new AppError(
      'settings_invalid',
      `${path} does not hold 32 bytes in base64: restore it, or remove it and lose the stored client secrets`,
    )
  }
  return key
}

/** Written whole under another name and then linked, so that neither a crash nor a second start leaves half a key. */
function makeKey(path: string): Buffer {
  const key = randomBytes(KEY_BYTES)
  const temporary = `${path}.${process.pid}.new`
  const file = openSync(temporary, 'w', 0o600)
  try {
    writeSync(file, `${key.toString('base64')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  try {
    linkSync(temporary, path)
    return key
  } catch (error) {
    const other = readKey(path)
    if (other) return other
    throw error
  } finally {
    rmSync(temporary, { force: true })
  }
}
