import { AppError } from '../errors.ts'
import type { Directory } from './directory.ts'
import type { ListingStore } from './extraction-store.ts'

/**
 * Lists one page of users for the oldest batch that still has members to come, and stores it with the place
 * where the listing goes on. False when there is nothing to list. A crash costs one page, asked for again.
 */
export async function listMembers(directory: Directory, listings: ListingStore, signal: AbortSignal): Promise<boolean> {
  const listing = await listings.nextListing()
  if (!listing) return false
  const { batchId, source, link, credentials } = listing
  try {
    const page = await directory.listUsers(source, link, credentials, signal)
    await listings.saveListing(batchId, { from: link, ...page })
  } catch (error) {
    if (signal.aborted || !(error instanceof AppError) || error.isPassing) throw error
    await listings.failListing(batchId, link, { code: error.code, message: error.message })
  }
  return true
}
