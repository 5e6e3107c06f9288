import type { FastifyRequest } from 'fastify'
import { timeOf } from '../copying/received-range.ts'
import { foldAddress } from '../extractions/addresses.ts'
import type { BatchSource } from '../extractions/batch.ts'
import { DEFAULT_OPTIONS, type ExtractionOptions } from '../extractions/options.ts'
import type { BatchStartBody, Options, StartBody } from './contract.ts'
import { invalidRequest, Problems } from './problems.ts'

/** What Exchange can date mail with begins at the zero of FILETIME. */
const FIRST_TIME = Date.parse('1601-01-01')
const LAST_TIME = Date.parse('9999-01-01')

/** The address of a start, which may stand in two places; both are fine if they agree. */
export function readUserUpn({ user_upn, config }: StartBody): string {
  const address = user_upn ?? config?.user_upn
  if (address === undefined) throw invalidRequest('user_upn: is missing')
  if (foldAddress(config?.user_upn ?? address) !== foldAddress(address)) {
    throw invalidRequest('user_upn: differs from config.user_upn; give it once')
  }
  return address
}

export function readSource({ user_upns, group_id, all_users }: BatchStartBody): BatchSource {
  const given = [user_upns, group_id, all_users].filter((source) => source !== undefined)
  if (given.length !== 1) throw invalidRequest('Give exactly one of user_upns, group_id and all_users')
  if (user_upns?.length === 0) throw invalidRequest('user_upns: is empty. No users to process')
  if (group_id !== undefined) return { kind: 'group', groupId: group_id }
  return user_upns ? { kind: 'users' } : { kind: 'all_users' }
}

export function readOptions(options: Options = {}): ExtractionOptions {
  const receivedAfter = readTime('options.received_after', options.received_after)
  const receivedBefore = readTime('options.received_before', options.received_before)
  if (receivedAfter !== null && receivedBefore !== null && receivedAfter >= receivedBefore) {
    throw invalidRequest('options.received_before: must be later than options.received_after')
  }
  return {
    folders: {
      include: options.folders?.include ?? DEFAULT_OPTIONS.folders.include,
      exclude: options.folders?.exclude ?? DEFAULT_OPTIONS.folders.exclude,
    },
    body: options.body ?? DEFAULT_OPTIONS.body,
    includeHidden: options.include_hidden ?? DEFAULT_OPTIONS.includeHidden,
    attachments: options.attachments ?? DEFAULT_OPTIONS.attachments,
    mime: options.mime ?? DEFAULT_OPTIONS.mime,
    includeRecoverable: options.include_recoverable ?? DEFAULT_OPTIONS.includeRecoverable,
    receivedAfter,
    receivedBefore,
    only: DEFAULT_OPTIONS.only,
  }
}

/** In whole seconds, as mail is dated: of a fraction the next second, before which nothing lies. */
function readTime(name: string, text: string | undefined): string | null {
  if (text === undefined) return null
  const time = Date.parse(text)
  const [date = ''] = text.split('T')
  // Date.parse takes the 30th of February for the 2nd of March.
  const isADay = !Number.isNaN(Date.parse(date)) && new Date(date).toISOString().startsWith(date)
  if (Number.isNaN(time) || !isADay) throw invalidRequest(`${name}: ${JSON.stringify(text)} is no time that there is`)
  if (time < FIRST_TIME || time >= LAST_TIME) throw invalidRequest(`${name}: must be from the year 1601 to 9998`)
  return timeOf(Math.ceil(time / 1000))
}

/** For calls whose path says it all: no body or an empty object. */
export async function refuseBody({ body }: FastifyRequest): Promise<void> {
  if (body === undefined) return
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('The body: this call takes none')
  }
  const problems = new Problems()
  for (const name of Object.keys(body)) problems.add(() => `${name.slice(0, 80)}: is not known here`)
  if (problems.count > 0) throw problems.toError()
}
