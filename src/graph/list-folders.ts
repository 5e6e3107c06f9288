import type { FolderListing, KnownFolder } from '../copying/mailbox.ts'
import { readFlatFolders } from './flat-folders.ts'
import type { FolderPlace } from './folder-page.ts'
import { FolderTree } from './folder-tree.ts'

/** Lists every folder: by the flat list, where there is one that nothing speaks against, or else by asking each of them. */
export async function listFolders(
  place: FolderPlace,
  { known, ...options }: { includeRecoverable: boolean; known: readonly KnownFolder[] | undefined },
): Promise<FolderListing> {
  const flat = known && (await readFlatFolders(place, known))
  if (flat) {
    const { folders, met } = await new FolderTree(place, flat).walk(options)
    if (flat.areAllAmong(met)) return { folders, isWalkedInFull: false }
  }
  const { folders } = await new FolderTree(place).walk(options)
  return { folders, isWalkedInFull: true }
}
