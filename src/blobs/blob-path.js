import { join } from 'node:path'

// In JavaScript, for the thread that writes files: see file-writer-thread.js.

/**
 * Where a blob lies: in one of 256 folders, by its first two digits.
 * @param {string} root
 * @param {string} sha256
 */
export function blobPath(root, sha256) {
  return join(root, sha256.slice(0, 2), sha256)
}
