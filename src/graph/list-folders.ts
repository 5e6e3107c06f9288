import type { FolderListing, KnownFolder } from '../copying/mailbox.ts'
import { readFlatFolders } from './flat-folders.ts'
import type { FolderPage, FolderPlace } from './folder-page.ts'
import { FolderTree } from './folder-tree.ts'

export interface FolderOptions {
  includeRecoverable: boolean
  known: readonly KnownFolder[] | undefined
}

/**
 * Lists every folder: by the flat list, where there is one that nothing speaks against, or else by asking each of them.
 * @param top the first page of the folders at the top, where it was just asked for
 */
export async function listFolders(
  place: FolderPlace,
  { known, ...options }: FolderOptions,
  top: FolderPage | undefined,
): Promise<FolderListing> {
  const flat = known && (await readFlatFolders(place, known))
  if (!flat) return walkInFull(place, options, top)
  const { folders, met } = await new FolderTree(place, flat).walk(options, top)
  return flat.areAllAmong(met) ? { folders, isWalkedInFull: false } : walkInFull(place, options, undefined)
}

async function walkInFull(
  place: FolderPlace,
  options: { includeRecoverable: boolean },
  top: FolderPage | undefined,
): Promise<FolderListing> {
  const { folders } = await new FolderTree(place).walk(options, top)
  return { folders, isWalkedInFull: true }
}
