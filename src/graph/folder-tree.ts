import type { Folder, FolderId } from '../copying/mailbox.ts'
import { isSkip } from './failure.ts'
import type { FlatFolders } from './flat-folders.ts'
import { type FolderPage, type FolderPlace, readBelow, readFolderPage } from './folder-page.ts'
import { itemOf } from './read-collection.ts'
import type { Subject } from './refusals.ts'
import { FOLDER_FIELDS, SEARCH_FOLDER, type WireFolder } from './wire.ts'

const RECOVERABLE = { name: 'recoverableitemsdeletions', path: 'Recoverable Items/Deletions' }

/** Walks the folders of a mailbox at every depth. */
export class FolderTree {
  readonly #place: FolderPlace
  /** Tells of many folders what lies below them; without it each is asked. */
  readonly #flat: FlatFolders | undefined
  /** A folder is walked once, even if a move during the walk or a broken answer makes it its own ancestor. */
  readonly #met = new Set<string>()
  /** The root, which is no folder of mail. */
  readonly #above = new Set<string>()
  readonly #folders: Folder[] = []

  constructor(place: FolderPlace, flat?: FlatFolders) {
    this.#place = place
    this.#flat = flat
  }

  /**
   * @param top the first page of the folders at the top, where it was just asked for
   * @returns the folders, and the ids of all that the walk came by, search folders and the root among them
   */
  async walk(
    { includeRecoverable }: { includeRecoverable: boolean },
    top?: FolderPage,
  ): Promise<{ folders: Folder[]; met: ReadonlySet<string> }> {
    await this.#takeAll(top ?? (await readBelow(this.#place, undefined, 'folders')), 'folders', undefined)
    if (includeRecoverable) await this.#walkRecoverable()
    return { folders: this.#folders, met: this.#met.union(this.#above) }
  }

  /** It is not in the tree, so it is asked for by name. */
  async #walkRecoverable(): Promise<void> {
    const { client, graphUrl, user } = this.#place
    const url = graphUrl.to(`${user}/mailFolders/${RECOVERABLE.name}?$select=${FOLDER_FIELDS}`)
    const wire = await this.#unlessGone(
      client.get({ url, subject: 'folder', read: itemOf<WireFolder> }).then((answer) => answer.value),
    )
    if (!wire || this.#met.has(wire.id)) return
    this.#met.add(wire.id)
    const folder = { ...toFolder(wire, undefined), path: RECOVERABLE.path, isRecoverable: true }
    this.#folders.push(folder)
    await this.#askBelow(folder)
  }

  async #askBelow(folder: Folder): Promise<void> {
    const page = await this.#unlessGone(readBelow(this.#place, folder.id, 'folder'))
    if (page) await this.#takeAll(page, 'folder', folder)
  }

  /** The folders of this page, and of those that follow it. */
  async #takeAll(first: FolderPage, subject: Subject, parent: Folder | undefined): Promise<void> {
    const walks = this.#take(first.items, parent)
    const links = new Set<string>()
    let link = first.nextLink
    while (link !== undefined && !links.has(link)) {
      links.add(link)
      const page: FolderPage | undefined = await this.#unlessGone(this.#page(link, subject))
      walks.push(...this.#take(page?.items ?? [], parent))
      link = page?.nextLink
    }
    await Promise.all(walks)
  }

  /** Notes folders that were found, and begins to walk on below each. */
  #take(wires: readonly WireFolder[], parent: Folder | undefined): Promise<void>[] {
    return wires.flatMap((wire) => {
      if (!parent && wire.parentFolderId) this.#above.add(wire.parentFolderId)
      if (this.#met.has(wire.id)) return []
      this.#met.add(wire.id)
      if (wire['@odata.type'] === SEARCH_FOLDER) return []
      const folder = toFolder(wire, parent)
      this.#folders.push(folder)
      const walk = this.#walkBelow(wire, folder)
      walk.catch(() => {}) // heard of by whoever waits for it; it may fail while this level is still being read
      return [walk]
    })
  }

  /**
   * Whatever its childFolderCount says, every folder is asked for children unless the flat list tells them: that number is
   * not known to count hidden ones, and a folder costs a request for its messages anyway.
   */
  async #walkBelow(wire: WireFolder, folder: Folder): Promise<void> {
    const children = this.#flat?.childrenOf(wire)
    if (children) await Promise.all(this.#take(children, folder))
    else await this.#askBelow(folder)
  }

  async #page(url: string, subject: Subject): Promise<FolderPage> {
    const { client, graphUrl } = this.#place
    return (await client.get({ url, subject, continued: true, read: (json) => readFolderPage(json, graphUrl) })).value
  }

  /** A folder may be deleted while its parent is being walked; then it has no children. */
  async #unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer
    } catch (error) {
      if (isSkip(error, 'gone')) return undefined
      throw error
    }
  }
}

function toFolder(wire: WireFolder, parent: Folder | undefined): Folder {
  const displayName = wire.displayName ?? ''
  const segment = displayName.replaceAll('/', '%2F')
  return {
    id: wire.id as FolderId,
    parentId: parent?.id ?? null,
    displayName,
    path: parent ? `${parent.path}/${segment}` : segment,
    isHidden: wire.isHidden === true,
    isRecoverable: parent?.isRecoverable ?? false,
    totalItemCount: wire.totalItemCount ?? 0,
  }
}
