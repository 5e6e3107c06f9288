import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../errors.ts'
import { DEFAULT_OPTIONS, type ExtractionOptions } from '../extractions/options.ts'
import { chooseFolders, wantsRecoverable } from './choose-folders.ts'
import type { Folder, FolderId } from './mailbox.ts'

const FOLDERS = [
  aFolder('Posteingang', { totalItemCount: 5 }),
  aFolder('Posteingang/Projekte', { totalItemCount: 50 }),
  aFolder('Posteingang/Projekte/Alt'),
  aFolder('Posteingangsregeln'),
  aFolder('Clutter', { isHidden: true }),
  aFolder('Clutter/Below'),
  aFolder('Recoverable Items/Deletions', { isRecoverable: true }),
]
const ALIASES: Record<string, string> = { inbox: 'Posteingang' }

async function choose(options: Partial<ExtractionOptions>): Promise<string[]> {
  const mailbox = { findWellKnownFolder: async (name: string) => ALIASES[name] as FolderId | undefined }
  return chooseFolders(mailbox, FOLDERS, { ...DEFAULT_OPTIONS, ...options })
}

const only = (include: string[], exclude: string[] = []) => ({ folders: { include, exclude } })

test('without a choice every folder is copied, largest first', async () => {
  const chosen = await choose({})
  assert.equal(chosen.length, FOLDERS.length)
  assert.deepEqual(chosen.slice(0, 2), ['Posteingang/Projekte', 'Posteingang'])
})

test('a folder brings everything below it, and nothing that only begins alike', async () => {
  const chosen = await choose(only(['Posteingang']))
  assert.ok(chosen.includes('Posteingang/Projekte/Alt'))
  assert.ok(!chosen.includes('Posteingangsregeln'))
})

test('well-known names work in every language, also at the beginning of a path', async () => {
  assert.deepEqual((await choose(only(['INBOX']))).sort(), (await choose(only(['Posteingang']))).sort())
  assert.ok((await choose(only(['inbox/projekte/']))).includes('Posteingang/Projekte/Alt'))
})

test('what is excluded wins over what is included', async () => {
  const chosen = await choose(only(['inbox'], ['inbox/Projekte']))
  assert.deepEqual(
    chosen.filter((path) => path.startsWith('Posteingang')),
    ['Posteingang'],
  )
})

test('a path that is not there is refused by name, a well-known folder that the mailbox lacks is not', async () => {
  await assert.rejects(
    choose(only(['inbox', 'No such folder', 'inbox/neither'])),
    (error) =>
      error instanceof AppError &&
      error.code === 'folder_not_found' &&
      /"No such folder", "inbox\/neither"/.test(error.message),
  )
  assert.deepEqual(
    (await choose(only(['archive']))).filter((path) => path.startsWith('Posteingang')),
    [],
  )
})

test('without hidden folders, what lies below one is left out too', async () => {
  const chosen = await choose({ includeHidden: false })
  assert.ok(!chosen.includes('Clutter') && !chosen.includes('Clutter/Below'))
})

test('the folder of soft-deleted items is asked for by option or by name', () => {
  assert.equal(wantsRecoverable(DEFAULT_OPTIONS), false)
  assert.equal(wantsRecoverable({ ...DEFAULT_OPTIONS, includeRecoverable: true }), true)
  assert.equal(wantsRecoverable({ ...DEFAULT_OPTIONS, ...only(['RecoverableItemsDeletions']) }), true)
})

function aFolder(path: string, changes: Partial<Folder> = {}): Folder {
  const names = path.split('/')
  return {
    id: path as FolderId,
    parentId: null,
    displayName: names.at(-1) ?? '',
    path,
    isHidden: false,
    isRecoverable: false,
    totalItemCount: 0,
    ...changes,
  }
}
