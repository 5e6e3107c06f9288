import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, type ErrorCode } from '../errors.ts'
import type { Failure } from './contract.ts'

/** What each failure means in HTTP. A failed extraction is no failed request: its code is shown in its status. */
const STATUS: Record<ErrorCode, number> = {
  invalid_json: 400,
  invalid_request: 400,
  config_missing: 400,
  payload_too_large: 413,
  host_refused: 403,
  route_not_found: 404,
  method_not_allowed: 405,
  extraction_not_found: 404,
  batch_not_found: 404,
  extraction_active: 409,
  connection_bound: 409,
  mailbox_not_stored: 404,
  message_not_found: 404,
  content_not_stored: 404,
  content_lost: 410,
  range_not_satisfiable: 416,
  move_refused: 409,
  shutting_down: 503,
  app_secret_invalid: 502,
  app_secret_expired: 502,
  app_not_found: 502,
  tenant_not_found: 502,
  login_refused: 502,
  secret_key_changed: 500,
  mailbox_not_found: 502,
  mailbox_unavailable: 502,
  mailbox_access_denied: 502,
  mailbox_access_blocked: 502,
  directory_access_denied: 502,
  group_not_found: 502,
  folder_not_found: 502,
  message_unreadable: 502,
  graph_refused: 502,
  graph_unavailable: 503,
  settings_invalid: 500,
  database_in_use: 503,
  database_unavailable: 503,
  transfer_unfinished: 503,
  transfer_refused: 500,
  storage_full: 507,
  storage_readonly: 503,
  blob_store_unavailable: 503,
  port_taken: 500,
  service_unreachable: 502,
  worker_lost: 500,
  internal_error: 500,
}

export function statusCodeOf(code: ErrorCode): number {
  return STATUS[code]
}

export function presentError(error: AppError): Failure {
  const { code, message, details, fields } = error
  return { ...fields, error: message, code, ...(details.length > 0 && { details: [...details] }) }
}

export function handleErrors(server: FastifyInstance): void {
  server.setErrorHandler((error: unknown, request, reply) => answerError(error, request, reply))
}

export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const failure = toAppError(error)
  const statusCode = STATUS[failure.code]
  if (statusCode >= 500) request.log.error({ err: error, code: failure.code }, 'request failed')
  return reply.code(statusCode).type('application/json; charset=utf-8').send(presentError(failure))
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const known = FRAMEWORK_ERRORS[(error as Partial<FastifyError>)?.code ?? '']
  if (known) return new AppError(...known)
  const { statusCode = 500 } = (error ?? {}) as Partial<FastifyError>
  // Such as a body that broke off: the caller's side, though we have no word of our own for it.
  if (statusCode >= 400 && statusCode < 500) return new AppError('invalid_request', 'The request could not be read')
  return new AppError('internal_error', 'Something went wrong here; the log of the service says what')
}

const FRAMEWORK_ERRORS: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload_too_large', 'The body is larger than 32 MiB'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'invalid_json',
    'Invalid JSON payload: send it with "Content-Type: application/json"',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'The body is not as long as Content-Length says'],
  FST_ERR_BAD_URL: ['invalid_request', 'The path is not well percent-encoded'],
  FST_ERR_MAX_PARAM_LENGTH: ['invalid_request', 'The id in the path is longer than 256 characters'],
}
