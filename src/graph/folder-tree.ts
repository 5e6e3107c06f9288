import type { Folder, FolderId } from '../copying/mailbox.ts'
import { isSkip } from './failure.ts'
import type { GraphClient } from './graph-client.ts'
import { isRecord } from './graph-error.ts'
import type { GraphUrl } from './graph-url.ts'
import { itemOf, itemsOf } from './read-collection.ts'
import type { Subject } from './refusals.ts'
import { FOLDER_FIELDS, type WireFolder } from './wire.ts'

// The largest page of folders that clients are known to use without trouble.
const FOLDERS_PER_PAGE = 250

const SEARCH_FOLDER = '#microsoft.graph.mailSearchFolder'
const RECOVERABLE = { name: 'recoverableitemsdeletions', path: 'Recoverable Items/Deletions' }

interface FolderPage {
  items: WireFolder[]
  nextLink: string | undefined
}

/** Walks the folders of a mailbox at every depth. */
export class FolderTree {
  readonly #client: GraphClient
  readonly #graphUrl: GraphUrl
  /** Path of the user, `/users/{id}`. */
  readonly #user: string
  /** A folder is walked once, even if a move during the walk or a broken answer makes it its own ancestor. */
  readonly #seen = new Set<string>()
  readonly #folders: Folder[] = []

  constructor(client: GraphClient, graphUrl: GraphUrl, user: string) {
    this.#client = client
    this.#graphUrl = graphUrl
    this.#user = user
  }

  async walk(options: { includeRecoverable: boolean }): Promise<Folder[]> {
    await this.#walkChildren('/mailFolders', 'folders', undefined)
    if (options.includeRecoverable) await this.#walkRecoverable()
    return this.#folders
  }

  /** It is not in the tree, so it is asked for by name. */
  async #walkRecoverable(): Promise<void> {
    const url = this.#graphUrl.to(`${this.#user}/mailFolders/${RECOVERABLE.name}?$select=${FOLDER_FIELDS}`)
    const wire = await this.#unlessGone(
      this.#client.get({ url, subject: 'folder', read: itemOf<WireFolder> }).then((answer) => answer.value),
    )
    if (!wire || this.#seen.has(wire.id)) return
    this.#seen.add(wire.id)
    const folder = { ...toFolder(wire, undefined), path: RECOVERABLE.path, isRecoverable: true }
    this.#folders.push(folder)
    await this.#walkChildren(childFoldersOf(folder.id), 'folder', folder)
  }

  /**
   * Every folder is asked for children, whatever its childFolderCount says: that number is not known to count
   * hidden ones, and a folder costs a request for its messages anyway.
   */
  async #walkChildren(path: string, subject: Subject, parent: Folder | undefined): Promise<void> {
    const query = `?includeHiddenFolders=true&$top=${FOLDERS_PER_PAGE}&$select=${FOLDER_FIELDS}`
    const children: Promise<void>[] = []
    const links = new Set<string>()
    let url: string | undefined = this.#graphUrl.to(`${this.#user}${path}${query}`)
    while (url !== undefined && !links.has(url)) {
      links.add(url)
      const page: FolderPage | undefined = await this.#unlessGone(this.#page(url, subject, links.size > 1))
      for (const wire of page?.items ?? []) {
        if (wire['@odata.type'] === SEARCH_FOLDER || this.#seen.has(wire.id)) continue
        this.#seen.add(wire.id)
        const folder = toFolder(wire, parent)
        this.#folders.push(folder)
        const below = this.#walkChildren(childFoldersOf(folder.id), 'folder', folder)
        below.catch(() => {}) // heard of below; it may fail while this level is still being read
        children.push(below)
      }
      url = page?.nextLink
    }
    await Promise.all(children)
  }

  async #page(url: string, subject: Subject, continued: boolean): Promise<FolderPage> {
    const read = (json: unknown) => ({
      items: itemsOf<WireFolder>(json),
      nextLink: isRecord(json) ? this.#graphUrl.linkIn(json, '@odata.nextLink') : undefined,
    })
    return (await this.#client.get({ url, subject, continued, read })).value
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

function childFoldersOf(id: FolderId): string {
  return `/mailFolders/${encodeURIComponent(id)}/childFolders`
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
