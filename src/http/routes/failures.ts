import { type TSchema, Type } from 'typebox'
import type { ErrorCode } from '../../errors.ts'
import { Failure } from '../contract.ts'
import { statusCodeOf } from '../error-handler.ts'

const CAUSES: Partial<Record<ErrorCode, string>> = {
  invalid_json: 'the body is not JSON, or its Content-Type does not say so',
  invalid_request: 'a field, a parameter or the id does not fit; `details` names each',
  config_missing: 'a value of `config` is neither in the request nor in the environment',
  payload_too_large: 'the body is larger than 32 MiB',
  host_refused: 'the Host is not loopback, or another web page sent the request',
  extraction_not_found: 'the connection was never started',
  batch_not_found: 'there is no such batch',
  extraction_active: 'the connection has an extraction that has not ended',
  connection_bound: 'the connection was first started for another address',
  mailbox_not_stored: 'nothing is stored of a mailbox with this address',
  message_not_found: 'no stored message, or no attachment of it, has this id',
  content_not_stored: 'the content was not asked for, is a link, or could not be read',
  range_not_satisfiable: 'the range lies beyond the end of the content',
  blob_store_unavailable: 'the blob store does not answer',
  content_lost: 'the blob store no longer has it; the next run fetches it again',
  move_refused: 'the status, given as `status`, does not allow it',
  shutting_down: 'the service is stopping',
  database_unavailable: 'the database does not answer',
  storage_full: 'the disk is full',
  storage_readonly: 'the disk cannot be written to',
  internal_error: 'a fault of the service; its log says more',
}

const ALWAYS: ErrorCode[] = [
  'invalid_request',
  'host_refused',
  'shutting_down',
  'database_unavailable',
  'internal_error',
]

/** The failures a call can answer, by status, for its OpenAPI entry. */
export function failures(...codes: ErrorCode[]): Record<number, TSchema> {
  const byStatus = Map.groupBy(new Set([...codes, ...ALWAYS]), statusCodeOf)
  return Object.fromEntries(
    [...byStatus].map(([statusCode, group]) => {
      const description = group.map((code) => `\`${code}\`: ${CAUSES[code] ?? 'see docs/errors.md'}`).join('; ')
      return [statusCode, Type.Object(Failure.properties, { description })]
    }),
  )
}

/** The same schema, with what it means as an answer. */
export function answer<Schema extends TSchema>(schema: Schema, description: string): Schema {
  return { ...schema, description }
}

/** For an answer that is streamed: written piece by piece, so its handler has no value that the schema could type. */
export function streamedAnswer(schema: TSchema, description: string): TSchema {
  return answer(schema, description)
}
