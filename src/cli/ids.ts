/** Batches are named by us; every other word is a caller's connection, members of batches included. */
export function isBatchId(id: string): boolean {
  return /^batch_[^:]+$/.test(id)
}
