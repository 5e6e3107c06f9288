import type { Clock } from '../clock.ts'
import { AccessTokenSource } from './access-token.ts'
import { authKey, type GraphAuth } from './graph-auth.ts'
import type { Login } from './login.ts'

// More apps than a service for many tenants uses within an hour; each entry is a kilobyte or two.
const MAX_SOURCES = 100

/** One token source per app and secret, so that a batch of any size logs in once; the least recently used one is forgotten. */
export class TokenRegistry {
  readonly #parts: { login: Login; clock: Clock; random: () => number }
  readonly #sources = new Map<string, AccessTokenSource>()

  constructor(parts: { login: Login; clock: Clock; random: () => number }) {
    this.#parts = parts
  }

  source(auth: GraphAuth): AccessTokenSource {
    const key = authKey(auth)
    const source = this.#sources.get(key) ?? new AccessTokenSource(auth, this.#parts)
    // A Map keeps the order of insertion: the first key is the one not used for longest.
    this.#sources.delete(key)
    this.#sources.set(key, source)
    const [oldest] = this.#sources.keys()
    if (this.#sources.size > MAX_SOURCES && oldest !== undefined) this.#sources.delete(oldest)
    return source
  }

  get size(): number {
    return this.#sources.size
  }
}
