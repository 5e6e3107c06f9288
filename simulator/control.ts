import { type Answer, badRequest, GraphError, json } from './answer.ts'
import type { Directory } from './directory.ts'
import type { FaultRule, Faults } from './faults.ts'
import type { Gates } from './gates.ts'
import type { Mailbox } from './mailbox.ts'
import { applyMutations, type Mutation } from './mutations.ts'
import type { Incoming, Outgoing } from './server.ts'
import type { Stats } from './statistics.ts'
import { truthOf } from './truth.ts'
import { truthOfContents } from './truth-of-contents.ts'

export interface ControlServices {
  directory: Directory
  faults: Faults
  gates: Gates
  stats: (withLinks: boolean) => Stats
  resetStats: () => void
  /** Walks a message listing or delta chain once, so that its pages lie ready. */
  prepare: (path: string, headers: Record<string, string>) => Promise<number>
  describe: () => object
}

/** The endpoints below /simulator, which Graph has not: they need no token and steer the world. */
export async function control(services: ControlServices, incoming: Incoming): Promise<Outgoing> {
  try {
    return await controlRoute(services, incoming)
  } catch (error) {
    if (!(error instanceof GraphError)) throw error
    return {
      answer: { status: error.status, headers: {}, body: { error: { code: error.code, message: error.message } } },
    }
  }
}

async function controlRoute(
  services: ControlServices,
  { method, pathAndQuery, body, signal }: Incoming,
): Promise<Outgoing> {
  const url = new URL(pathAndQuery, 'https://simulator')
  const [, , first = '', second, third] = url.pathname.split('/').map(decodeURIComponent)
  const { faults, gates } = services
  switch (`${method} ${first}`) {
    case 'GET ':
      return ok(services.describe())
    case 'GET truth':
      return {
        answer: {
          stream: truthLines(mailboxOf(services.directory, second ?? ''), url.searchParams.has('contents')),
          contentType: 'application/x-ndjson',
        },
      }
    case 'GET stats':
      return ok(services.stats(url.searchParams.has('links')))
    case 'POST stats':
      services.resetStats()
      return ok({})
    case 'GET faults':
      return ok({ faults: faults.list() })
    case 'POST faults': {
      const rules = parse<FaultRule | FaultRule[]>(body)
      return ok({ ids: (Array.isArray(rules) ? rules : [rules]).map((rule) => faults.add(rule)) })
    }
    case 'DELETE faults':
      if (second === undefined) faults.clear()
      else faults.remove(Number(second))
      return ok({})
    case 'POST mutations': {
      const mutations = parse<Mutation | Mutation[]>(body)
      return ok({ results: applyMutations(services.directory, Array.isArray(mutations) ? mutations : [mutations]) })
    }
    case 'POST prepare': {
      const { path, headers = {} } = parse<{ path: string; headers?: Record<string, string> }>(body)
      return ok({ messages: await services.prepare(path, headers) })
    }
    case 'GET gates':
      return ok(await gates.whenWaiting(second ?? '', Number(url.searchParams.get('waiting') ?? 0), signal))
    case 'POST gates':
      return ok(moveGate(gates, second ?? '', third, Number(url.searchParams.get('count') ?? 1)))
    default:
      throw new GraphError(404, 'NotFound', `There is no control call ${method} ${url.pathname}.`)
  }
}

function moveGate(gates: Gates, name: string, verb: string | undefined, count: number): object {
  if (verb === 'open') gates.open(name)
  else if (verb === 'close') gates.close(name)
  else if (verb === 'release') gates.release(name, count)
  else throw badRequest('A gate can be opened, closed or told to release.')
  return gates.state(name)
}

async function* truthLines(mailbox: Mailbox, withContents: boolean): AsyncGenerator<string> {
  for await (const line of withContents ? truthOfContents(mailbox) : truthOf(mailbox)) yield `${JSON.stringify(line)}\n`
}

export function mailboxOf(directory: Directory, name: string): Mailbox {
  const mailbox = directory.findUser(name)?.mailbox
  if (!mailbox) throw new GraphError(404, 'NotFound', `There is no mailbox '${name}'.`)
  return mailbox
}

function ok(body: object): Outgoing {
  const answer: Answer = json(body)
  return { answer }
}

function parse<Body>(text: string): Body {
  try {
    return JSON.parse(text) as Body
  } catch {
    throw badRequest('The body is not JSON.')
  }
}
