import type { GraphClient } from './graph-client.ts'
import { isRecord } from './graph-error.ts'
import type { GraphUrl } from './graph-url.ts'
import { itemsOf } from './read-collection.ts'
import type { WireFolder } from './wire.ts'

/** Where the folders of a mailbox are asked for. */
export interface FolderPlace {
  client: GraphClient
  graphUrl: GraphUrl
  /** Path of the user, `/users/{id}`. */
  user: string
}

// The largest page of folders that clients are known to use without trouble.
export const FOLDERS_PER_PAGE = 250

export interface FolderPage {
  items: WireFolder[]
  nextLink: string | undefined
  /** Of a round of folder delta: it has come to its end. */
  isLast: boolean
}

export function readFolderPage(json: unknown, graphUrl: GraphUrl): FolderPage {
  const link = (name: '@odata.nextLink' | '@odata.deltaLink') =>
    isRecord(json) ? graphUrl.linkIn(json, name) : undefined
  const nextLink = link('@odata.nextLink')
  const isLast = nextLink === undefined && link('@odata.deltaLink') !== undefined
  return { items: itemsOf<WireFolder>(json), nextLink, isLast }
}
