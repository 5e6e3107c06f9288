import { createHash } from 'node:crypto'
import { badRequest } from './answer.ts'

/** Where a delta chain stands. It travels whole in the link: the simulator remembers no client. */
export interface DeltaState {
  folder: number
  generation: number
  /** The change log up to here has been told, or need not be, since the walk began after it. */
  sequence: number
  /** The last message told by the first walk; null before the first and absent once the walk is over. */
  walked?: { receivedAt: number | null; key: number } | null
  /** Messages told in this round, for the options that cap it. */
  told: number
  select?: string[]
  /** Only messages received at or after this second. */
  since?: number
  top?: number
  changeType?: string
  /** Makes the link after an empty page differ from the one before. */
  empty?: number
}

export function checksummed(state: object): string {
  const content = Buffer.from(JSON.stringify(state)).toString('base64url')
  return `${content}.${checksum(content)}`
}

export function readChecksummed<State>(token: string): State {
  const [content = '', sum] = token.split('.')
  if (content === '' || sum !== checksum(content)) throw badRequest('Badly formed token.')
  return JSON.parse(Buffer.from(content, 'base64url').toString()) as State
}

function checksum(content: string): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 12)
}
