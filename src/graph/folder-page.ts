import type { GraphClient } from './graph-client.ts'
import { isRecord } from './graph-error.ts'
import type { GraphUrl } from './graph-url.ts'
import { itemOf, itemsOf } from './read-collection.ts'
import type { Subject } from './refusals.ts'
import { FOLDER_FIELDS, type WireFolder } from './wire.ts'

/** Where the folders of a mailbox are asked for. */
export interface FolderPlace {
  client: GraphClient
  graphUrl: GraphUrl
  /** Path of the user, `/users/{id}`. */
  user: string
}

export interface FolderPage {
  items: WireFolder[]
  nextLink: string | undefined
  /** Of a round of folder delta: it has come to its end. */
  isLast: boolean
}

// The largest page of folders that clients are known to use without trouble.
export const FOLDERS_PER_PAGE = 250

/** The first page of the folders right below another one, or at the top; hidden ones too. */
export async function readBelow(
  { client, graphUrl, user }: FolderPlace,
  folder: string | undefined,
  subject: Subject,
): Promise<FolderPage> {
  const path = folder === undefined ? '/mailFolders' : `/mailFolders/${encodeURIComponent(folder)}/childFolders`
  const query = `?includeHiddenFolders=true&$top=${FOLDERS_PER_PAGE}&$select=${FOLDER_FIELDS}`
  const read = (json: unknown) => readFolderPage(json, graphUrl)
  return (await client.get({ url: graphUrl.to(`${user}${path}${query}`), subject, read })).value
}

/**
 * The first look into a mailbox, at the top of its folders: what a user object or a token says does not tell whether mail
 * can be read; only asking does.
 */
export async function readTop(place: FolderPlace): Promise<FolderPage> {
  const { client, graphUrl, user } = place
  const page = await readBelow(place, undefined, 'mailbox')
  // Every mailbox has an Inbox; whether something else lists no folders or refuses to is not known.
  const inbox = graphUrl.to(`${user}/mailFolders/inbox?$select=id`)
  if (page.items.length === 0) await client.get({ url: inbox, subject: 'mailbox', read: itemOf<{ id: string }> })
  return page
}

export function readFolderPage(json: unknown, graphUrl: GraphUrl): FolderPage {
  const link = (name: '@odata.nextLink' | '@odata.deltaLink') =>
    isRecord(json) ? graphUrl.linkIn(json, name) : undefined
  const nextLink = link('@odata.nextLink')
  const isLast = nextLink === undefined && link('@odata.deltaLink') !== undefined
  return { items: itemsOf<WireFolder>(json), nextLink, isLast }
}
