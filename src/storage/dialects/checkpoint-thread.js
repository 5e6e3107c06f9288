import { parentPort, workerData } from 'node:worker_threads'
import SqliteHandle from 'better-sqlite3'

// Runs in a thread of its own: see checkpointer.ts. In JavaScript, since each thread would load by itself what strips types.

const handle = new SqliteHandle(workerData)
handle.pragma('synchronous = NORMAL')

parentPort?.on('message', (/** @type {'checkpoint' | 'end'} */ task) => {
  if (task === 'end') {
    handle.close()
    parentPort?.close()
    return
  }
  try {
    handle.pragma('wal_checkpoint(PASSIVE)') // waits for no reader and no writer, and keeps none waiting
  } catch {
    // The disk is full, or another program holds the file: whoever writes next meets that, and says so.
  }
  parentPort?.postMessage('done')
})
