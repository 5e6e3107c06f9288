import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { inspect } from 'node:util'
import {
  BlobServiceClient,
  ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { systemClock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { AzureBlobStore } from './azure-blob-store.ts'
import { blobOf, blobStoreContract, inChunks, type OpenBlobStore, readAll, someBytes } from './blob-store.contract.ts'
import { parseBlobStoreLocation } from './blob-store-location.ts'
import { openBlobStore } from './open-blob-store.ts'
import { Azurite } from './testing/azurite.ts'

let azurite: Azurite
let account: BlobServiceClient

before(async () => {
  azurite = await Azurite.start()
  account = BlobServiceClient.fromConnectionString(azurite.connectionString)
})

after(() => azurite[Symbol.asyncDispose]())

interface OpenAzureStore extends OpenBlobStore {
  container: ContainerClient
  spool: string
}

async function openTemporary(): Promise<OpenAzureStore> {
  const spool = await mkdtemp(join(tmpdir(), 'outlookmail-spool-'))
  const container = account.getContainerClient(randomUUID())
  const open = () => AzureBlobStore.open(container, spool, systemClock)
  return {
    store: await open(),
    container,
    spool,
    another: open,
    async overwrite(sha256, bytes) {
      await container.getBlockBlobClient(sha256).upload(Buffer.from(bytes), bytes.length)
    },
    names: () => namesIn(container),
    countUnfinished: async () => (await readdir(spool)).length,
    async [Symbol.asyncDispose]() {
      await container.deleteIfExists()
      await rm(spool, { recursive: true, force: true })
    },
  }
}

async function namesIn(container: ContainerClient): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of container.listBlobsFlat()) names.push(name)
  return names
}

blobStoreContract(openTemporary)

test('a container that is not there is made', async () => {
  await using place = await openTemporary()
  assert.equal(await place.container.exists(), true)
})

test('a blob that is there already is not sent again', async () => {
  await using place = await openTemporary()
  const { sha256 } = await place.store.put(inChunks(someBytes(100)))
  const sent = await place.container.getBlobClient(sha256).getProperties()
  await place.store.put(inChunks(someBytes(100)))
  const now = await place.container.getBlobClient(sha256).getProperties()
  assert.equal(now.etag, sent.etag)
})

test('a large blob whose blocks another process has begun to send is whole in the end', async () => {
  await using place = await openTemporary()
  const bytes = someBytes(9_000_000)
  const client = place.container.getBlockBlobClient(blobOf(bytes).sha256)
  await client.stageBlock(Buffer.from('4194304-000000').toString('base64'), Buffer.alloc(100), 100)
  const blob = await place.store.put(inChunks(bytes))
  assert.ok((await readAll(place.store, blob))?.equals(bytes))
})

test('a connection string keeps blobs in the container outlookmail', async () => {
  await using store = await openFromSetting(azurite.connectionString)
  const blob = await store.put(inChunks(someBytes(300)))
  assert.ok((await namesIn(account.getContainerClient('outlookmail'))).includes(blob.sha256))
})

test('a SAS of a container that is there suffices, though it may not make containers', async () => {
  await using place = await openTemporary()
  await using store = await openFromSetting(withSas(place.container, 'rcwd'))
  const blob = await store.put(inChunks(someBytes(10_000_000)))
  assert.equal((await readAll(store, blob))?.length, 10_000_000)
  await store.delete(blob.sha256)
  assert.equal(await store.has(blob), false)
})

test('an identity needs no secret in the setting', async () => {
  await using place = await openTemporary()
  const container = new ContainerClient(place.container.url, { getToken: async () => aToken() })
  const store = await AzureBlobStore.open(container, place.spool, systemClock)
  const blob = await store.put(inChunks(someBytes(500)))
  assert.deepEqual(await readAll(store, blob), someBytes(500))
})

test('a SAS that may only read is refused at the start, with the rights it needs', async () => {
  await using place = await openTemporary()
  await place.store.delete(blobOf(Buffer.alloc(0)).sha256)
  const message = await refusalOf(openFromSetting(withSas(place.container, 'r')))
  assert.match(message, /may not be used .*read, create, write and delete/)
})

test('a SAS of a container that is not there says so', async () => {
  const container = account.getContainerClient(randomUUID())
  const message = await refusalOf(openFromSetting(withSas(container, 'rcwd')))
  assert.match(message, /have no container \(ContainerNotFound, status 404\)/)
})

test('a wrong key is refused at the start', async () => {
  const wrong = azurite.connectionString.replace(azurite.accountKey, Buffer.alloc(64).toString('base64'))
  assert.match(await refusalOf(openFromSetting(wrong)), /may not be used/)
})

test('a container that vanishes is an error, and not a blob that is missing', async () => {
  await using place = await openTemporary()
  const blob = await place.store.put(inChunks(someBytes(100)))
  await place.container.delete()
  const { store } = place
  assert.match(await refusalOf(store.has(blob)), /have no container/)
  assert.match(await refusalOf(store.read(blob)), /have no container/)
  assert.match(await refusalOf(store.put(inChunks(someBytes(50)))), /have no container/)
  assert.equal(await place.countUnfinished(), 0)
})

test('a host that cannot be reached is an error that says so, without the SAS', async () => {
  await using place = await openTemporary()
  const url = new URL(withSas(place.container, 'rcwd'))
  url.port = '9' // the discard service, which nobody runs
  const unreachable = new ContainerClient(url.href, undefined, { retryOptions: { maxTries: 1 } })
  const message = await refusalOf(AzureBlobStore.open(unreachable, place.spool, systemClock))
  assert.match(message, /cannot be reached \(ECONNREFUSED\): check the network/)
})

/** The message of the failure, which shows no secret wherever one looks. */
async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => assert.fail('nothing was refused'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof AppError, inspect(error))
  assert.equal(error.code, 'blob_store_unavailable')
  assert.doesNotMatch(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }), /sig=|AccountKey/)
  return error.message
}

/** As the service does it, from the text of BLOB_STORE. */
async function openFromSetting(text: string) {
  const dataDir = await mkdtemp(join(tmpdir(), 'outlookmail-data-'))
  const remove = () => rm(dataDir, { recursive: true, force: true })
  try {
    const store = await openBlobStore(parseBlobStoreLocation(`azure:${text}`), dataDir, systemClock)
    return Object.assign(store, { [Symbol.asyncDispose]: remove })
  } catch (error) {
    await remove()
    throw error
  }
}

function withSas(container: ContainerClient, permissions: string): string {
  const sas = generateBlobSASQueryParameters(
    {
      containerName: container.containerName,
      permissions: ContainerSASPermissions.parse(permissions),
      expiresOn: new Date(systemClock.now() + 3_600_000),
    },
    new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey),
  )
  return `${container.url}?${sas}`
}

/** The emulator looks at what a token says, and not at its signature. */
function aToken(): { token: string; expiresOnTimestamp: number } {
  const nowSeconds = Math.floor(systemClock.now() / 1_000)
  const claims = {
    aud: 'https://storage.azure.com',
    iss: `https://sts.windows.net/${randomUUID()}/`,
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: nowSeconds + 3_600,
  }
  const parts = [{ alg: 'none', typ: 'JWT' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return { token: `${parts.join('.')}.c2lnbmF0dXJl`, expiresOnTimestamp: (nowSeconds + 3_600) * 1_000 }
}
