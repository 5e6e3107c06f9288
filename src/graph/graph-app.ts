import type { Clock } from '../clock.ts'
import type { Traffic, Usage } from '../copying/mailbox.ts'
import type { AppCredentials } from '../extractions/extraction.ts'
import type { AccessTokenSource } from './access-token.ts'
import type { Connections } from './connections.ts'
import { appKey, completeCredentials, type DefaultCredentials } from './graph-auth.ts'
import { GraphClient, type GraphLog } from './graph-client.ts'
import type { GraphUrl } from './graph-url.ts'
import type { LimiterRegistry } from './limiter-registry.ts'
import { DIRECTORY_LIMITS, MAILBOX_LIMITS, type RequestLimiter } from './request-limiter.ts'
import type { TokenRegistry } from './token-registry.ts'
import { UsageMeter } from './usage-meter.ts'

/** What all mailboxes of this process share. */
export interface GraphWorld {
  graphUrl: GraphUrl
  hasDelta: boolean
  defaults: DefaultCredentials
  connections: Connections
  tokens: TokenRegistry
  limiters: LimiterRegistry
  clock: Clock
  random: () => number
  log: GraphLog
}

/** One Entra app at work for one caller, whose signal ends everything it does. */
export class GraphApp implements Traffic {
  readonly #meter = new UsageMeter()
  readonly #world: GraphWorld
  readonly #key: string
  readonly #token: AccessTokenSource
  readonly #signal: AbortSignal
  readonly #clients: GraphClient[] = []
  #mailboxLimiter: RequestLimiter | undefined

  constructor(world: GraphWorld, credentials: AppCredentials, signal: AbortSignal) {
    const auth = completeCredentials(credentials, world.defaults)
    this.#world = world
    this.#key = appKey(auth)
    this.#token = world.tokens.source(auth)
    this.#signal = signal
  }

  /** A client for users and groups, whose limits are those of the tenant. */
  directoryClient(): GraphClient {
    return this.#client(this.#world.limiters.limiter(`${this.#key} directory`, DIRECTORY_LIMITS))
  }

  /** A client for one mailbox, with the limiter that every client of that mailbox shares. */
  mailboxClient(objectId: string): GraphClient {
    this.#mailboxLimiter = this.#world.limiters.limiter(`${this.#key} mailbox ${objectId}`, MAILBOX_LIMITS)
    return this.#client(this.#mailboxLimiter)
  }

  takeUsage(): Usage {
    // Only the mailbox's own limiter tells how long it was held back; the one of the directory has many users.
    return { ...this.#meter.take(), throttledMs: this.#mailboxLimiter?.takeHeldBackMs() ?? 0 }
  }

  waitingFor(): string | undefined {
    return this.#clients.map((client) => client.waitingFor()).find((reason) => reason !== undefined)
  }

  #client(limiter: RequestLimiter): GraphClient {
    const { graphUrl, connections, clock, random, log } = this.#world
    const client = new GraphClient({
      graphUrl,
      connections,
      token: this.#token,
      limiter,
      meter: this.#meter,
      clock,
      random,
      log,
      signal: this.#signal,
    })
    this.#clients.push(client)
    return client
  }
}
