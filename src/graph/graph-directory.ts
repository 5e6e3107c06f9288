import type { Directory, DirectoryPage } from '../extractions/directory.ts'
import type { AppCredentials } from '../extractions/extraction.ts'
import type { PendingListing } from '../extractions/extraction-store.ts'
import { isRestart } from './failure.ts'
import { GraphApp, type GraphWorld } from './graph-app.ts'
import { isRecord } from './graph-error.ts'
import { itemsOf } from './read-collection.ts'
import { USER_FIELDS, type WireUser } from './wire.ts'

// The most that Graph gives in one page of users or members.
const USERS_PER_PAGE = 999

export class GraphDirectory implements Directory {
  readonly #world: GraphWorld

  constructor(world: GraphWorld) {
    this.#world = world
  }

  async listUsers(
    source: PendingListing['source'],
    link: string | null,
    credentials: AppCredentials,
    signal: AbortSignal,
  ): Promise<DirectoryPage> {
    const app = new GraphApp(this.#world, credentials, signal)
    // A link of another Graph address is nothing this one knows: the listing begins anew, and no member is added twice.
    if (link === null || !this.#world.graphUrl.owns(link)) return this.#page(app, source, null)
    try {
      return await this.#page(app, source, link)
    } catch (error) {
      if (isRestart(error)) return this.#page(app, source, null)
      throw error
    }
  }

  async #page(app: GraphApp, source: PendingListing['source'], link: string | null): Promise<DirectoryPage> {
    const { graphUrl } = this.#world
    const { value } = await app.directoryClient().get({
      url: link ?? graphUrl.to(firstPath(source)),
      subject: source.kind === 'group' ? 'group' : 'directory',
      continued: link !== null,
      read: (json) => ({
        userUpns: itemsOf<WireUser>(json).flatMap(addressOf),
        next: (isRecord(json) ? graphUrl.linkIn(json, '@odata.nextLink') : undefined) ?? null,
      }),
    })
    return value
  }
}

function firstPath(source: PendingListing['source']): string {
  const query = `?$select=${USER_FIELDS}&$top=${USERS_PER_PAGE}`
  return source.kind === 'group'
    ? `/groups/${encodeURIComponent(source.groupId)}/transitiveMembers${query}`
    : `/users${query}`
}

/** Members of a group may be devices, contacts or groups as well; a plain list of users names no type. */
function addressOf(user: WireUser): string[] {
  const isUser = (user['@odata.type'] ?? '#microsoft.graph.user') === '#microsoft.graph.user'
  const isGuest = user.userType?.toLowerCase() === 'guest'
  return isUser && !isGuest && user.userPrincipalName ? [user.userPrincipalName] : []
}
