import { createHash } from 'node:crypto'
import { closeSync, fsync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { parentPort } from 'node:worker_threads'
import { blobPath } from './blob-path.js'

// Runs in a thread of its own: see file-writer.ts. In JavaScript, since each thread would load by itself what strips types.

/*
 * All but the sync is a matter of the system's memory, and quick; and nobody else is kept waiting here. A sync waits for the
 * disk, where several may wait at once.
 */
const sync = promisify(fsync)

/**
 * @typedef {{ descriptor: number, memory: Uint8Array, hash: import('node:crypto').Hash, size: number, path: string }} File
 * @type {Map<number, File>}
 */
const files = new Map()

/** @param {import('./file-writer.ts').Task} task */
async function perform(task) {
  if (task.do === 'begin') {
    const { path, memory } = task
    const descriptor = openSync(path, 'wx+', 0o600)
    files.set(task.file, { path, descriptor, memory: new Uint8Array(memory), hash: createHash('sha256'), size: 0 })
    return undefined
  }
  const file = files.get(task.file)
  if (!file) throw new Error('The thread that wrote this file has died')
  if (task.do === 'take') {
    const written = take(file, task)
    if (!written || task.root === undefined) return written
    await move(file, blobPath(task.root, written.sha256))
    close(task.file, file)
    return written
  }
  close(task.file, file)
  return undefined
}

/**
 * @param {number} number
 * @param {File} file
 */
function close(number, file) {
  files.delete(number)
  closeSync(file.descriptor)
}

/**
 * @param {File} file
 * @param {Extract<import('./file-writer.ts').Task, { do: 'take' }>} task
 */
function take(file, { from, length, isLast }) {
  const bytes = file.memory.subarray(from, from + length)
  file.hash.update(bytes)
  file.size += length
  // A write may take less than it was given.
  for (let written = 0; written < length; ) written += writeSync(file.descriptor, bytes, written)
  return isLast ? { sha256: file.hash.digest('hex'), size: file.size, descriptor: file.descriptor } : undefined
}

/**
 * @param {File} file
 * @param {string} path
 */
async function move(file, path) {
  await sync(file.descriptor)
  renameSync(file.path, path)
  const folder = openSync(dirname(path), 'r')
  try {
    await sync(folder)
  } finally {
    closeSync(folder)
  }
}

parentPort?.on('message', async (/** @type {import('./file-writer.ts').Task & { number: number }} */ task) => {
  try {
    parentPort?.postMessage({ number: task.number, value: await perform(task) })
  } catch (error) {
    // Of an error only its message would arrive.
    const { message, code, syscall, errno } = /** @type {NodeJS.ErrnoException} */ (error)
    parentPort?.postMessage({ number: task.number, error: { message, code, syscall, errno } })
  }
})
