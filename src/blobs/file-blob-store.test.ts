import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../clock.ts'
import type { Blob } from '../copying/blob-store.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { blobStoreContract, inChunks, type OpenBlobStore, readAll, someBytes } from './blob-store.contract.ts'
import { FileBlobStore } from './file-blob-store.ts'

const PUT_HALF = fileURLToPath(new URL('./testing/put-half.ts', import.meta.url))

/** Of no process that lives. */
const RUN = '00000000-0000-4000-8000-000000000000'

interface OpenFileStore extends OpenBlobStore {
  root: string
  incoming: string
}

async function openTemporary(): Promise<OpenFileStore> {
  const folder = await mkdtemp(join(tmpdir(), 'outlookmail-blobs-'))
  const root = join(folder, 'deep', 'blobs')
  const store = await FileBlobStore.open(root, systemClock)
  return {
    store,
    root,
    incoming: join(root, 'incoming'),
    another: () => FileBlobStore.open(root, systemClock),
    overwrite: (sha256, bytes) => writeFile(join(root, sha256.slice(0, 2), sha256), bytes),
    names: async () => (await readdir(root, { recursive: true })).map((path) => path.slice(3)).filter(isHash),
    countUnfinished: async () => (await readdir(join(root, 'incoming'))).length,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

function isHash(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name)
}

blobStoreContract(openTemporary)

test('a blob is a file named by its hash, in a folder of its first two digits, for its owner alone', async () => {
  await using place = await openTemporary()
  const { sha256 } = await place.store.put(inChunks(someBytes(100)))
  const file = statSync(join(place.root, sha256.slice(0, 2), sha256))
  assert.equal(file.mode & 0o777, 0o600)
  for (const folder of [place.root, join(place.root, sha256.slice(0, 2)), place.incoming]) {
    assert.equal(statSync(folder).mode & 0o777, 0o700, folder)
  }
})

test('bytes that are still arriving are for their owner alone', async () => {
  await using place = await openTemporary()
  async function* lookedAtInBetween(): AsyncGenerator<Uint8Array> {
    yield someBytes(100)
    const [name = ''] = readdirSync(place.incoming)
    assert.equal(statSync(join(place.incoming, name)).mode & 0o777, 0o600)
    yield someBytes(100)
  }
  await place.store.put(lookedAtInBetween())
})

test('a blob that is replaced while it is read is read to its end', async () => {
  await using place = await openTemporary()
  const bytes = someBytes(1_000_000)
  const blob = await place.store.put(inChunks(bytes))
  const chunks: Uint8Array[] = []
  for await (const chunk of (await place.store.read(blob)) ?? assert.fail()) {
    if (chunks.length === 0) await place.store.put(inChunks(bytes))
    chunks.push(chunk)
  }
  assert.ok(Buffer.concat(chunks).equals(bytes))
})

test('a process killed in mid-put leaves no blob, and sweeping removes what it had written', async () => {
  await using place = await openTemporary()
  const child = fork(PUT_HALF, [place.root])
  await said(child, 'half')
  await place.store.sweep()
  assert.equal(await place.countUnfinished(), 1, 'the process lives, so its file stays')

  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
  assert.deepEqual(await place.names(), [])
  assert.equal(await place.countUnfinished(), 1)

  await place.store.sweep()
  assert.equal(await place.countUnfinished(), 0)
})

test('a put of a living process goes on after another process has swept', async () => {
  await using place = await openTemporary()
  const child = fork(PUT_HALF, [place.root])
  await said(child, 'half')
  await place.store.sweep()
  child.send('go on')
  const [blob] = (await once(child, 'message')) as [Blob]
  assert.equal(await place.store.has(blob), true)
  assert.equal((await readAll(place.store, blob))?.length, 2_000_008)
})

test('sweeping removes what a process before us left that had our number, as in a container that starts again', async () => {
  await using place = await openTemporary()
  async function* leftovers(): AsyncGenerator<Uint8Array> {
    const [own = ''] = readdirSync(place.incoming)
    const [pidSpace, pid, , id] = own.split('.')
    writeFileSync(join(place.incoming, [pidSpace, pid, RUN, id].join('.')), 'half of it')
    await place.store.sweep()
    assert.deepEqual(readdirSync(place.incoming), [own])
    yield someBytes(100)
  }
  await place.store.put(leftovers())
})

test('of processes that cannot be asked, sweeping removes what nobody has written to for an hour', async () => {
  await using place = await openTemporary()
  const [young, old] = ['1', '2'].map((number) => join(place.incoming, `abcdefabcdef.${number}.${RUN}.${RUN}`))
  assert.ok(young && old)
  for (const path of [young, old]) writeFileSync(path, 'half of it')
  const nowSeconds = systemClock.now() / 1_000
  utimesSync(young, nowSeconds, nowSeconds - 3_500)
  utimesSync(old, nowSeconds, nowSeconds - 3_700)
  await place.store.sweep()
  assert.deepEqual([existsSync(young), existsSync(old)], [true, false])
})

test('sweeping touches no blob', async () => {
  await using place = await openTemporary()
  const blob = await place.store.put(inChunks(someBytes(100)))
  utimesSync(join(place.root, blob.sha256.slice(0, 2), blob.sha256), 0, 0)
  await place.store.sweep()
  assert.equal(await place.store.has(blob), true)
})

test('blobs that were taken away in mid-run fail a put, rather than begin a new store in their place', async () => {
  await using place = await openTemporary()
  rmSync(place.root, { recursive: true })
  await rejectsWith('blob_store_unavailable', place.store.put(inChunks(someBytes(100))))
  assert.equal(existsSync(place.root), false)
})

test('a put whose writing thread ends fails, and the next one has a new thread', async () => {
  await using place = await openTemporary()
  async function* endedInBetween(): AsyncGenerator<Uint8Array> {
    yield someBytes(400_000)
    await place.store.close()
    yield someBytes(400_000)
  }
  await assert.rejects(place.store.put(endedInBetween()), /thread/)
  assert.equal(await place.countUnfinished(), 0)
  const blob = await place.store.put(inChunks(someBytes(100)))
  assert.equal(await place.store.has(blob), true)
})

test('a put that finds something else than a file under its name fails and leaves nothing', async () => {
  await using place = await openTemporary()
  const blob = await place.store.put(inChunks(someBytes(100)))
  await place.store.delete(blob.sha256)
  mkdirSync(join(place.root, blob.sha256.slice(0, 2), blob.sha256))
  await rejectsWith('blob_store_unavailable', place.store.put(inChunks(someBytes(100))))
  assert.equal(await place.store.has(blob), false)
  assert.equal(await place.countUnfinished(), 0)
})

test('a folder that cannot be written is named', async () => {
  await assert.rejects(FileBlobStore.open('/sys/blobs', systemClock), (error) => {
    assert.ok(error instanceof AppError)
    assert.equal(error.code, 'storage_readonly')
    assert.match(error.message, /\/sys\/blobs/)
    return true
  })
})

test('a disk that takes no more fails the put, and nothing stays behind', async () => {
  await using place = await openTemporary()
  // No file may grow beyond a quarter of a megabyte (blocks of 512 bytes): a disk that is full for this process alone.
  const child = spawn('sh', ['-c', 'ulimit -f 500; exec "$0" "$@"', process.execPath, PUT_HALF, place.root], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await said(child, 'storage_full')
  assert.equal(await place.countUnfinished(), 0)
  assert.deepEqual(await place.names(), [])
})

async function rejectsWith(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => error instanceof AppError && error.code === code)
}

async function said(child: ChildProcess, word: string): Promise<void> {
  const [message] = await once(child, 'message')
  assert.equal(message, word)
}
