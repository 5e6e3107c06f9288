import { AppError } from '../errors.ts'
import type { ExtractionOptions } from '../extractions/options.ts'
import { type Folder, type FolderId, type Mailbox, WELL_KNOWN_FOLDERS } from './mailbox.ts'

const RECOVERABLE = 'recoverableitemsdeletions'

export function wantsRecoverable({ includeRecoverable, folders }: ExtractionOptions): boolean {
  return includeRecoverable || folders.include.some((name) => name.toLowerCase() === RECOVERABLE)
}

/** No folder of the tree is left out. */
export function choosesAllFolders({ folders, includeHidden }: ExtractionOptions): boolean {
  return folders.include.length + folders.exclude.length === 0 && includeHidden
}

export function choosesByTime({ receivedAfter, receivedBefore }: ExtractionOptions): boolean {
  return receivedAfter !== null || receivedBefore !== null
}

/**
 * The folders whose mail the run copies, largest first. A named folder stands for everything below it; what is
 * excluded wins. Throws `folder_not_found` for an included path that is not there: copying nothing in silence
 * would look like success.
 */
export async function chooseFolders(
  mailbox: Pick<Mailbox, 'findWellKnownFolder'>,
  folders: readonly Folder[],
  options: ExtractionOptions,
): Promise<FolderId[]> {
  const included = await resolvePaths(mailbox, folders, options.folders.include)
  const excluded = await resolvePaths(mailbox, folders, options.folders.exclude)
  const missing = included.filter(({ path }) => path && !folders.some((folder) => isAtOrBelow(folder, path)))
  if (missing.length > 0) {
    const names = missing.map(({ name }) => `"${name}"`).join(', ')
    throw new AppError(
      'folder_not_found',
      `options.folders.include names folders that this mailbox does not have: ${names}`,
    )
  }

  const hiddenPaths = folders.filter((folder) => folder.isHidden).map((folder) => folder.path)
  return folders
    .filter((folder) => {
      if (excluded.some(({ path }) => path && isAtOrBelow(folder, path))) return false
      if (!options.includeHidden && hiddenPaths.some((path) => isAtOrBelow(folder, path))) return false
      if (folder.isRecoverable) return true // it is listed only when it was asked for
      return included.length === 0 || included.some(({ path }) => path && isAtOrBelow(folder, path))
    })
    .sort((one, other) => other.totalItemCount - one.totalItemCount)
    .map((folder) => folder.id)
}

interface NamedPath {
  /** As the caller wrote it. */
  name: string
  /** The path it stands for, or undefined for a well-known folder that this mailbox lacks. */
  path: string | undefined
}

/** Well-known names are the same in every language, so they may also begin a path: `inbox/Projects`. */
async function resolvePaths(
  mailbox: Pick<Mailbox, 'findWellKnownFolder'>,
  folders: readonly Folder[],
  names: readonly string[],
): Promise<NamedPath[]> {
  return Promise.all(
    names.map(async (name) => {
      const [first = '', ...rest] = name.replace(/^\/+|\/+$/g, '').split('/')
      if (!isWellKnown(first)) return { name, path: [first, ...rest].join('/') }
      const id = await mailbox.findWellKnownFolder(first.toLowerCase())
      const top = folders.find((folder) => folder.id === id)?.path
      return { name, path: top === undefined ? undefined : [top, ...rest].join('/') }
    }),
  )
}

function isWellKnown(name: string): boolean {
  return (WELL_KNOWN_FOLDERS as readonly string[]).includes(name.toLowerCase())
}

function isAtOrBelow(folder: Folder, path: string): boolean {
  const own = folder.path.toLowerCase()
  const top = path.toLowerCase()
  return own === top || own.startsWith(`${top}/`)
}
