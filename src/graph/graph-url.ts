import { BrokenAnswerError } from './failure.ts'

/** The configured address of Graph: builds first requests, and says which links may get the token. */
export class GraphUrl {
  readonly origin: string

  constructor(graphUrl: string) {
    this.origin = new URL(graphUrl).origin
  }

  /** `path` follows the version; its ids are encoded already. */
  to(path: string): string {
    return `${this.origin}/v1.0${path}`
  }

  /** Whether the URL leads to the configured address, where alone the token may go. */
  owns(url: string): boolean {
    return URL.parse(url)?.origin === this.origin
  }

  /** The link that an answer carries under this name. */
  linkIn(json: Record<string, unknown>, name: '@odata.nextLink' | '@odata.deltaLink'): string | undefined {
    const link = json[name]
    if (link === undefined || link === null) return undefined
    const url = typeof link === 'string' ? URL.parse(link) : null
    // Graph has been seen to send `users//mailFolders`, with the id left out.
    if (typeof link !== 'string' || url?.origin !== this.origin || url.pathname.includes('//')) {
      throw new BrokenAnswerError('An answer carries a link that cannot be followed', 'bad_link')
    }
    return link
  }
}
