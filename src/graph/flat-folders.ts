import type { KnownFolder } from '../copying/mailbox.ts'
import { AppError } from '../errors.ts'
import { RequestFailure } from './failure.ts'
import { FOLDERS_PER_PAGE, type FolderPage, type FolderPlace, readFolderPage } from './folder-page.ts'
import type { Answer } from './graph-client.ts'
import { FOLDER_FIELDS, SEARCH_FOLDER, type WireFolder } from './wire.ts'

/**
 * The folders of a mailbox in one list, which spares a walk the question for folders below almost every one of them. That the
 * list is whole is promised nowhere, and hidden folders need not be in it: where anything speaks against it, the walk asks.
 */
export class FlatFolders {
  readonly #byId: ReadonlyMap<string, WireFolder>
  readonly #byParent: ReadonlyMap<string, readonly WireFolder[]>
  readonly #known: readonly KnownFolder[]
  /** Folders below which the last listing found one that is not in the list: it is hidden, or gone. */
  readonly #toAsk: ReadonlySet<string | null>

  constructor(byId: ReadonlyMap<string, WireFolder>, known: readonly KnownFolder[]) {
    this.#byId = byId
    this.#byParent = Map.groupBy(byId.values(), (folder) => folder.parentFolderId ?? '')
    this.#known = known
    this.#toAsk = new Set(known.filter(({ id }) => !byId.has(id)).map(({ parentId }) => parentId))
  }

  /** The folders right below, or undefined where only asking tells. */
  childrenOf({ id, childFolderCount }: WireFolder): readonly WireFolder[] | undefined {
    if (this.#toAsk.has(id)) return undefined
    const children = this.#byParent.get(id) ?? []
    const visible = children.filter((child) => child.isHidden !== true)
    // Whether Graph's own count of them is of hidden ones too is not known.
    return childFolderCount === children.length || childFolderCount === visible.length ? children : undefined
  }

  /** Whether a walk that met these has met all there is, as far as the list and the last listing can tell. */
  areAllAmong(met: ReadonlySet<string>): boolean {
    const ofMail = [...this.#byId.values()].filter((folder) => folder['@odata.type'] !== SEARCH_FOLDER)
    return [...this.#known, ...ofMail].every(({ id }) => met.has(id))
  }
}

/**
 * Asks for all folders at once: the first round of folder delta, begun anew each time, so that their counts are of now.
 * Undefined where it leads to nothing, for whatever reason: the walk then shows whether the mailbox is at fault.
 */
export async function readFlatFolders(
  place: FolderPlace,
  known: readonly KnownFolder[],
): Promise<FlatFolders | undefined> {
  try {
    const byId = await readRound(place, known.length)
    return byId && new FlatFolders(byId, known)
  } catch (error) {
    const isRefused = error instanceof RequestFailure || error instanceof AppError
    if (isRefused && !isUnavailable(error)) return undefined
    throw error
  }
}

/** Undefined where it does not come to its end, or not within so many pages that a walk would cost less. */
async function readRound(
  { client, graphUrl, user }: FolderPlace,
  folders: number,
): Promise<Map<string, WireFolder> | undefined> {
  const byId = new Map<string, WireFolder>()
  const links = new Set<string>()
  let url: string | undefined = graphUrl.to(`${user}/mailFolders/delta?$select=${FOLDER_FIELDS}`)
  while (url !== undefined && !links.has(url) && links.size <= folders) {
    links.add(url)
    const { value: page }: Answer<FolderPage> = await client.get({
      url,
      subject: 'folders',
      continued: links.size > 1,
      maxPageSize: FOLDERS_PER_PAGE,
      shrinkable: 'item', // there is another way, so it is given up before Graph is
      read: (json) => readFolderPage(json, graphUrl),
    })
    for (const folder of page.items) {
      // One may come again, and the last word counts.
      if (folder['@removed'] === undefined) byId.set(folder.id, folder)
      else byId.delete(folder.id)
    }
    if (page.isLast) return byId
    url = page.nextLink
  }
  return undefined
}

function isUnavailable(error: RequestFailure | AppError): boolean {
  return error instanceof AppError && error.code === 'graph_unavailable'
}
