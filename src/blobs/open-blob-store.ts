import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { BlobStore } from '../copying/blob-store.ts'
import type { BlobStoreLocation } from './blob-store-location.ts'
import { FileBlobStore } from './file-blob-store.ts'

/** @param dataDir what goes elsewhere waits here until it is whole */
export async function openBlobStore(location: BlobStoreLocation, dataDir: string, clock: Clock): Promise<BlobStore> {
  if (location.kind === 'file') return FileBlobStore.open(location.path, clock)
  const { AzureBlobStore, connectContainer } = await import('./azure-blob-store.ts') // a library that few need
  return AzureBlobStore.open(connectContainer(location), join(dataDir, 'spool'), clock)
}
