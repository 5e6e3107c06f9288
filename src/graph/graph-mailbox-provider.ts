import type { Mailbox, MailboxProvider, Traffic } from '../copying/mailbox.ts'
import type { AppCredentials } from '../extractions/extraction.ts'
import { readTop } from './folder-page.ts'
import { GraphApp, type GraphWorld } from './graph-app.ts'
import { GraphMailbox } from './graph-mailbox.ts'
import { itemOf } from './read-collection.ts'
import { USER_FIELDS, type WireUser } from './wire.ts'

export class GraphMailboxProvider implements MailboxProvider {
  readonly #world: GraphWorld

  constructor(world: GraphWorld) {
    this.#world = world
  }

  open(
    userUpn: string,
    credentials: AppCredentials,
    signal: AbortSignal,
  ): { traffic: Traffic; mailbox: Promise<Mailbox> } {
    const app = new GraphApp(this.#world, credentials, signal)
    return { traffic: app, mailbox: this.#open(userUpn, app) }
  }

  async #open(userUpn: string, app: GraphApp): Promise<Mailbox> {
    const { graphUrl, hasDelta } = this.#world
    // Addresses change and need care in a path, so the user is resolved once and the object id used from then on.
    const url = graphUrl.to(`${userPath(userUpn)}?$select=${USER_FIELDS}`)
    const user = await app.directoryClient().get({ url, subject: 'user', read: itemOf<WireUser> })

    const { id, userPrincipalName } = user.value
    const client = app.mailboxClient(id)
    const top = await readTop({ client, graphUrl, user: `/users/${encodeURIComponent(id)}` })
    return new GraphMailbox({ objectId: id, userUpn: userPrincipalName || userUpn, client, graphUrl, hasDelta, top })
  }
}

/** A name that begins with `$` would be taken for a system segment; in quotes it is a key (an apostrophe there is doubled). */
function userPath(userUpn: string): string {
  if (!userUpn.startsWith('$')) return `/users/${encodeURIComponent(userUpn)}`
  return `/users('${encodeURIComponent(userUpn.replaceAll("'", "''"))}')`
}
