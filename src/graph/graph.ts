import type { Clock } from '../clock.ts'
import type { MailboxProvider } from '../copying/mailbox.ts'
import type { Directory } from '../extractions/directory.ts'
import { type ConnectionOptions, Connections } from './connections.ts'
import type { GraphWorld } from './graph-app.ts'
import type { DefaultCredentials } from './graph-auth.ts'
import type { GraphLog } from './graph-client.ts'
import { GraphDirectory } from './graph-directory.ts'
import { GraphMailboxProvider } from './graph-mailbox-provider.ts'
import { GraphUrl } from './graph-url.ts'
import { LimiterRegistry } from './limiter-registry.ts'
import { type Login, microsoftLogin } from './login.ts'
import { TokenRegistry } from './token-registry.ts'

export interface GraphOptions {
  /** Origins, of one of the CLOUDS or a test world. */
  graphUrl: string
  loginUrl: string
  /** False in a cloud without change tracking. */
  hasDelta?: boolean
  /** What completes the credentials of a request. */
  defaults: DefaultCredentials
  clock: Clock
  log?: GraphLog
  connection?: ConnectionOptions
  random?: () => number
  /** In place of Microsoft's login, for tests. */
  login?: Login
}

export interface Graph {
  mailboxes: MailboxProvider
  directory: Directory
  /** Ends all connections; call it once nothing reads any more. */
  close(): Promise<void>
}

const SILENT: GraphLog = { warn() {}, debug() {} }

/** The one door to Microsoft Graph: builds what all mailboxes share; opens no connection by itself. */
export function connectGraph(options: GraphOptions): Graph {
  const { clock, random = Math.random, loginUrl } = options
  const graphUrl = new GraphUrl(options.graphUrl)
  const connections = new Connections(options.connection)
  const login = options.login ?? microsoftLogin({ loginUrl, graphUrl, ca: options.connection?.ca })
  const world: GraphWorld = {
    graphUrl,
    hasDelta: options.hasDelta ?? true,
    defaults: options.defaults,
    connections,
    tokens: new TokenRegistry({ login, clock, random }),
    limiters: new LimiterRegistry(clock),
    clock,
    random,
    log: options.log ?? SILENT,
  }
  return {
    mailboxes: new GraphMailboxProvider(world),
    directory: new GraphDirectory(world),
    close: () => connections.close(),
  }
}
