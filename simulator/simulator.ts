import type { Answer } from './answer.ts'
import type { FileSelect } from './attachment-select.ts'
import { makeCertificate } from './certificate.ts'
import { type ControlServices, control, mailboxOf } from './control.ts'
import { errorOf, type FaultEffect, Faults, shortened, wireFaultOf } from './faults.ts'
import { Gates } from './gates.ts'
import { Graph } from './graph.ts'
import { DEMO_APP, DEMO_TENANT, Login } from './login.ts'
import { readMailFolder } from './mail-files.ts'
import { applyMutations, type Mutation, type MutationResult } from './mutations.ts'
import { prepareMailbox } from './prepared-pages.ts'
import { closeServer, type Incoming, listen, type Outgoing, portOf } from './server.ts'
import { Statistics, type Stats } from './statistics.ts'
import { type Limits, OUTLOOK_LIMITS, Throttle } from './throttle.ts'
import { Tokens } from './tokens.ts'
import { type TruthFolder, type TruthLine, truthOf } from './truth.ts'
import { type TruthOfContents, truthOfContents } from './truth-of-contents.ts'
import { type MailboxRequest, type MailboxSummary, World } from './world.ts'

export interface SimulatorOptions {
  /** 0, the default, takes any free one. */
  port?: number
  host?: string
  seed?: string
  /** The demo mailboxes and the cases that cannot be read. On by default. */
  demo?: boolean
  /** A folder of .eml and .mbox files, served as mail@example.com. */
  mail?: string
  mailboxes?: readonly MailboxRequest[]
  bodyBytes?: number
  latencyMs?: number
  latencyPerMessageMs?: number
  tokenLifetimeSeconds?: number
  /** False switches the limits off; they are recorded all the same. */
  limits?: false | Partial<Limits>
  /** Serves the pages of `mailboxes` from memory once they have been made. */
  prepared?: boolean
  /** How `$select` names the properties of file attachments: by the cast (the default), or plainly. */
  fileSelect?: FileSelect
  caFile?: string
  /** Milliseconds since 1970, for tests that own time. */
  now?: () => number
}

export interface Simulator {
  url: string
  /** The certificate that clients must trust, as PEM and as file. */
  ca: string
  caFile: string
  tenantId: string
  clientId: string
  clientSecret: string
  mailboxes: MailboxSummary[]
  faults: Faults
  gates: Gates
  stats(options?: { links?: boolean }): Stats
  resetStats(): void
  mutate(...mutations: Mutation[]): MutationResult[]
  truth(mailbox: string): Generator<TruthLine>
  /** With size and hash of every attachment and MIME text; every byte is made, so ask for it once. */
  truthOfContents(mailbox: string): AsyncGenerator<TruthFolder | TruthOfContents>
  prepare(path: string, headers?: Record<string, string>): Promise<number>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

// The middle of what Microsoft documents: 60 to 90 minutes, at random.
const TOKEN_LIFETIME_SECONDS = 75 * 60 - 1
const DEFAULT_SEED = 'demo'

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', seed = DEFAULT_SEED, now = Date.now, mailboxes = [], limits = {} } = options
  const world = new World({
    seed,
    demo: options.demo ?? true,
    mailboxes,
    ...(options.bodyBytes !== undefined && { bodyBytes: options.bodyBytes }),
  })
  const { directory } = world
  if (options.mail !== undefined) await readMailFolder(world, options.mail, seed)
  if (options.prepared) {
    for (const { name } of mailboxes)
      prepareMailbox(mailboxOf(directory, name.includes('@') ? name : `${name}@example.com`))
  }
  const tokens = new Tokens(seed, now, options.tokenLifetimeSeconds ?? TOKEN_LIFETIME_SECONDS)
  const throttle = new Throttle({ ...OUTLOOK_LIMITS, ...(limits || {}) }, limits !== false, now)
  const faults = new Faults()
  const gates = new Gates()
  const statistics = new Statistics()
  const graphServices = {
    directory,
    tokens,
    throttle,
    faults,
    gates,
    statistics,
    now,
    latencyMs: options.latencyMs ?? 0,
    latencyPerMessageMs: options.latencyPerMessageMs ?? 0,
    fileSelect: options.fileSelect ?? 'cast',
  }
  const graph = new Graph(graphServices)
  const stats = (withLinks: boolean) =>
    statistics.report(throttle.usageByMailbox(), (id) => directory.findUser(id)?.upn ?? id, tokens.issued, withLinks)
  const resetStats = () => {
    statistics.reset()
    throttle.resetRecords()
  }
  const graphAtOnce = new Graph({ ...graphServices, latencyMs: 0, latencyPerMessageMs: 0 })
  const prepare = (path: string, headers: Record<string, string>) =>
    walkChain(graphAtOnce, tokens, path, { ...headers, host: new URL(url).host })
  const services: ControlServices = {
    directory,
    faults,
    gates,
    stats,
    resetStats,
    prepare,
    describe: () => ({ url, mailboxes: world.mailboxes }),
  }

  const certificate = await makeCertificate(options.caFile, host)
  const server = await listen((incoming) => answer(incoming), {
    key: certificate.key,
    cert: certificate.pem,
    port: options.port ?? 0,
    host,
    gates,
  })
  const url = `https://localhost:${portOf(server)}`
  const login = new Login(tokens, url, now)

  async function answer(incoming: Incoming): Promise<Outgoing> {
    const { method, pathAndQuery, headers, body, signal } = incoming
    if (pathAndQuery.startsWith('/simulator')) return control(services, incoming)
    if (/^\/v1\.0(\/|\?|$)/.test(pathAndQuery)) return graph.serve(method, pathAndQuery, headers, body, signal)
    return loginRoute(incoming)
  }

  async function loginRoute({ method, pathAndQuery, headers, body, signal }: Incoming): Promise<Outgoing> {
    const isToken = /^\/[^/]+\/oauth2\/v2\.0\/token(\?|$)/.test(pathAndQuery)
    const tenant = decodeURIComponent(pathAndQuery.split('/')[1] ?? '')
    const kind = isToken ? 'token' : 'metadata'
    const effect = faults.strike({ method, pathAndQuery, kind, users: [], inBatch: false })
    if (effect?.gate !== undefined && effect.gate_after === undefined) await gates.pass(effect.gate, signal)
    const wire = effect && wireFaultOf(effect)
    const reply = effect?.status === undefined ? shortened(loginAnswer(), effect ?? {}) : loginFault(effect)
    statistics.record({
      kind,
      status: reply.status,
      mailboxId: undefined,
      messages: 0,
      page: undefined,
      inBatch: false,
    })
    return { answer: reply, wire, done: (bytes) => statistics.sent(kind, bytes) }

    function loginAnswer(): Answer {
      if (isToken && method === 'POST') return login.token(tenant, body, headers)
      if (/\/v2\.0\/\.well-known\/openid-configuration(\?|$)/.test(pathAndQuery))
        return login.openIdConfiguration(tenant)
      if (/^\/common\/discovery\/instance(\?|$)/.test(pathAndQuery)) return login.discovery()
      if (/\/discovery\/v2\.0\/keys(\?|$)/.test(pathAndQuery)) return { status: 200, headers: {}, body: { keys: [] } }
      return { status: 404, headers: {}, body: { error: { code: 'NotFound', message: 'There is nothing here.' } } }
    }
  }

  async function close(): Promise<void> {
    gates.openAll()
    await closeServer(server)
    await certificate[Symbol.asyncDispose]()
  }

  return {
    url,
    ca: certificate.pem,
    caFile: certificate.caFile,
    tenantId: DEMO_TENANT,
    clientId: DEMO_APP.clientId,
    clientSecret: DEMO_APP.secret,
    mailboxes: world.mailboxes,
    faults,
    gates,
    stats: ({ links = false } = {}) => stats(links),
    resetStats,
    mutate: (...mutations) => applyMutations(directory, mutations),
    truth: (mailbox) => truthOf(mailboxOf(directory, mailbox)),
    truthOfContents: (mailbox) => truthOfContents(mailboxOf(directory, mailbox)),
    prepare: (path, headers = {}) => prepare(path, headers),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function loginFault(effect: FaultEffect): Answer {
  const error = errorOf(effect)
  const body = {
    error: effect.code ?? 'temporarily_unavailable',
    error_description: effect.message ?? 'The service is temporarily unavailable.',
    error_codes: [90_024],
  }
  return { status: error.status, headers: error.headers, body: effect.empty_body ? undefined : body }
}

/** Follows a chain of pages to its end, as a client that accepts gzip and takes large pages. */
async function walkChain(graph: Graph, tokens: Tokens, path: string, headers: Record<string, string>): Promise<number> {
  const prefer = [headers.prefer ?? headers.Prefer, 'odata.maxpagesize=1000'].filter(Boolean).join(', ')
  const sent = {
    ...headers,
    prefer,
    authorization: `Bearer ${tokens.issue(DEMO_TENANT, DEMO_APP.clientId)}`,
    'accept-encoding': 'gzip',
  }
  let messages = 0
  for (let next: string | undefined = path; next !== undefined; ) {
    const { answer, done } = await graph.serve('GET', next, sent, '', new AbortController().signal)
    done(0)
    if (answer.status !== 200)
      throw errorOf({ status: answer.status, message: `The chain cannot be walked: ${JSON.stringify(answer.body)}` })
    messages += answer.messages ?? 0
    next = nextOf(answer)
  }
  return messages
}

function nextOf({ body, next }: Answer): string | undefined {
  const link =
    next ?? (typeof body === 'object' && '@odata.nextLink' in body ? String(body['@odata.nextLink']) : undefined)
  return link?.slice(new URL(link).origin.length)
}
