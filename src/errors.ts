/** Part of the API: docs/errors.md explains each code, and codes are never renamed. */
export const ERROR_CODES = [
  // a request we cannot take
  'invalid_json',
  'invalid_request',
  'config_missing',
  'payload_too_large',
  'host_refused',
  'route_not_found',
  'method_not_allowed',
  // a request that does not fit the state of things
  'extraction_not_found',
  'batch_not_found',
  'extraction_active',
  'connection_bound',
  'mailbox_not_stored',
  'message_not_found',
  'content_not_stored',
  'content_lost',
  'range_not_satisfiable',
  'move_refused',
  'shutting_down',
  // the app registration and its login
  'app_secret_invalid',
  'app_secret_expired',
  'app_not_found',
  'tenant_not_found',
  'login_refused',
  'secret_key_changed',
  // what Graph says of a mailbox
  'mailbox_not_found',
  'mailbox_unavailable',
  'mailbox_access_denied',
  'mailbox_access_blocked',
  'directory_access_denied',
  'group_not_found',
  'folder_not_found',
  'message_unreadable',
  'graph_refused',
  'graph_unavailable',
  // this host
  'settings_invalid',
  'database_in_use',
  'database_unavailable',
  'transfer_unfinished',
  'transfer_refused',
  'storage_full',
  'storage_readonly',
  'blob_store_unavailable',
  'port_taken',
  'service_unreachable',
  'worker_lost',
  'internal_error',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

export interface AppErrorOptions extends ErrorOptions {
  /** One entry a problem, in words for the caller. */
  details?: readonly string[]
  /** Further fields of the answer, such as the status that forbids a move. */
  fields?: Readonly<Record<string, unknown>>
  /** It ends without anybody changing a setting or a file: wait, then try again. */
  isPassing?: boolean
}

/** A failure we foresaw. Anything that is not an AppError is a bug, and is reported as one. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly details: readonly string[]
  readonly fields: Readonly<Record<string, unknown>>
  readonly isPassing: boolean

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.details = options.details ?? []
    this.fields = options.fields ?? {}
    this.isPassing = options.isPassing ?? false
  }
}
