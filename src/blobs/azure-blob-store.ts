import { DefaultAzureCredential } from '@azure/identity'
import {
  type BlobGetPropertiesResponse,
  BlobServiceClient,
  type BlockBlobClient,
  ContainerClient,
  type StoragePipelineOptions,
} from '@azure/storage-blob'
import type { Clock } from '../clock.ts'
import { type Blob, BlobDamagedError, type BlobStore, type ByteRange, type Sha256 } from '../copying/blob-store.ts'
import { azureCode, onAzure } from './azure-error.ts'
import type { BlobStoreLocation } from './blob-store-location.ts'
import { Spool, type SpooledFile } from './spool.ts'
import { verified } from './verified.ts'

/** What is in memory of a blob at one time. Azure takes 50,000 blocks a blob, so this is enough for 195 GiB. */
const BLOCK_BYTES = 4 * 1024 * 1024

/** A block with all its tries: at 1 Mbit/s it takes half a minute. The library itself would wait for ever. */
const REQUEST_DEADLINE_MS = 180_000

/** The container of a storage account that is named without one. */
const CONTAINER = 'outlookmail'

/** The library's own retries, for what passes: waits of 0, 2, 6 and 14 seconds. */
const OPTIONS: StoragePipelineOptions = {
  retryOptions: { maxTries: 5, retryDelayInMs: 2_000, maxRetryDelayInMs: 14_000 },
}

/** The client of one container, with the right to use it that the location brings. Asks nothing yet. */
export function connectContainer(location: Exclude<BlobStoreLocation, { kind: 'file' }>): ContainerClient {
  if (location.kind === 'azure-account') {
    return BlobServiceClient.fromConnectionString(location.connectionString, OPTIONS).getContainerClient(CONTAINER)
  }
  const hasSas = new URL(location.url).search !== ''
  return hasSas
    ? new ContainerClient(location.url, undefined, OPTIONS)
    : new ContainerClient(location.url, new DefaultAzureCredential(), OPTIONS)
}

/** Blobs in a container of Azure Blob Storage, each under its hash. Whole or not there: Azure commits a blob at once. */
export class AzureBlobStore implements BlobStore {
  readonly #container: ContainerClient
  readonly #spool: Spool
  /** For errors: the address without its SAS. */
  readonly #place: string

  private constructor(container: ContainerClient, spool: Spool) {
    const { origin, pathname } = new URL(container.url)
    this.#container = container
    this.#spool = spool
    this.#place = origin + pathname
  }

  /** Makes the container when it is missing, and fails where blobs can be neither read nor written. */
  static async open(container: ContainerClient, spoolFolder: string, clock: Clock): Promise<AzureBlobStore> {
    const store = new AzureBlobStore(container, await Spool.open(spoolFolder, clock))
    await store.#makeContainer()
    await store.put(noBytes()) // needs all rights but to delete, and a blob without bytes costs nothing
    return store
  }

  /** Who may not make containers may still use one that is there, which the first put will show. */
  async #makeContainer(): Promise<void> {
    await onAzure(this.#place, async () => {
      try {
        await this.#container.createIfNotExists(withDeadline())
      } catch (error) {
        if ((error as { statusCode?: unknown }).statusCode !== 403) throw error
      }
    })
  }

  async put(bytes: AsyncIterable<Uint8Array>): Promise<Blob> {
    await using file = await this.#spool.receive(bytes)
    if (!(await this.#isOurs(file.blob))) await onAzure(this.#place, () => this.#upload(file))
    return file.blob
  }

  /** Whoever replaces a blob by hand does not write our note on it, so a blob of the right size is ours if it has one. */
  async #isOurs(blob: Blob): Promise<boolean> {
    const found = await this.#find(blob.sha256)
    return found?.contentLength === blob.size && found.metadata?.sha256 === blob.sha256
  }

  async #upload(file: SpooledFile): Promise<void> {
    const { blob } = file
    const client = this.#clientOf(blob.sha256)
    const metadata = { sha256: blob.sha256 }
    if (blob.size <= BLOCK_BYTES) {
      await client.upload(file.readAt(0, blob.size), blob.size, { metadata, ...withDeadline() })
      return
    }
    await client.commitBlockList(await stageBlocks(client, file), { metadata, ...withDeadline() })
  }

  async has(blob: Blob): Promise<boolean> {
    return (await this.#find(blob.sha256))?.contentLength === blob.size
  }

  async read(blob: Blob, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined> {
    if (!(await this.has(blob))) return undefined
    return verified(this.#bytesOf(blob, range), blob, range)
  }

  /** In requests of one block each, since a single long one could be bounded neither in memory nor in time. */
  async *#bytesOf(blob: Blob, range: ByteRange | undefined): AsyncGenerator<Uint8Array> {
    const end = range ? range.last + 1 : blob.size
    for (let offset = range?.first ?? 0; offset < end; offset += BLOCK_BYTES) {
      yield await onAzure(this.#place, () => this.#readBlock(blob, offset, Math.min(BLOCK_BYTES, end - offset)))
    }
  }

  async #readBlock(blob: Blob, offset: number, count: number): Promise<Uint8Array> {
    try {
      const client = this.#clientOf(blob.sha256)
      return await client.downloadToBuffer(offset, count, { maxRetryRequestsPerBlock: 3, ...withDeadline() })
    } catch (error) {
      if (!['BlobNotFound', 'InvalidRange'].includes(azureCode(error))) throw error
      throw new BlobDamagedError(blob, 'it was removed or replaced while it was read')
    }
  }

  async delete(sha256: Sha256): Promise<void> {
    await onAzure(this.#place, () =>
      this.#clientOf(sha256).deleteIfExists({ deleteSnapshots: 'include', ...withDeadline() }),
    )
  }

  /** Blocks that were never committed are Azure's to remove: it does after a week. */
  sweep(): Promise<void> {
    return this.#spool.sweep()
  }

  close(): Promise<void> {
    return this.#spool.close()
  }

  async #find(sha256: Sha256): Promise<BlobGetPropertiesResponse | undefined> {
    return onAzure(this.#place, async () => {
      try {
        return await this.#clientOf(sha256).getProperties(withDeadline())
      } catch (error) {
        if (azureCode(error) === 'BlobNotFound') return undefined
        throw error
      }
    })
  }

  #clientOf(sha256: Sha256): BlockBlobClient {
    return this.#container.getBlockBlobClient(sha256)
  }
}

function withDeadline(): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(REQUEST_DEADLINE_MS) }
}

/**
 * Sends the blocks and answers their ids. When another put of the same bytes commits its blocks, Azure forgets ours
 * that are not committed, and our commit takes the other's: so equal blocks need equal ids, and others never have them.
 */
async function stageBlocks(client: BlockBlobClient, file: SpooledFile): Promise<string[]> {
  const blocks: string[] = []
  for (let offset = 0; offset < file.blob.size; offset += BLOCK_BYTES) {
    const length = Math.min(BLOCK_BYTES, file.blob.size - offset)
    // In base64 and all of one length, as Azure wants them.
    const id = Buffer.from(`${BLOCK_BYTES}-${String(blocks.length).padStart(6, '0')}`).toString('base64')
    await client.stageBlock(id, file.readAt(offset, length), length, withDeadline())
    blocks.push(id)
  }
  return blocks
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}
