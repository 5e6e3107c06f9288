import type { Refusal } from './directory.ts'

const NO_MAILBOX = 'The mailbox is either inactive, soft-deleted, or is hosted on-premise.'

/** Mailboxes that cannot be read, by the local part of their address: one for every way Graph refuses. */
export const REFUSALS: Record<string, Refusal> = {
  onprem: { scope: 'mail', status: 404, code: 'MailboxNotEnabledForRESTAPI', message: NO_MAILBOX },
  unlicensed: {
    scope: 'mail',
    status: 404,
    code: 'MailboxNotEnabledForRESTAPI',
    message: 'REST API is not yet supported for this mailbox.',
  },
  invalid: {
    scope: 'mail',
    status: 404,
    code: 'ErrorInvalidUser',
    message: "The requested user 'invalid@contoso.example' is invalid.",
  },
  nostore: { scope: 'mail', status: 404, code: 'ErrorItemNotFound', message: 'Default folder Inbox not found.' },
  nolocation: { scope: 'mail', status: 404, code: 'ResourceNotFound', message: 'Resource could not be discovered.' },
  nomailbox: {
    scope: 'mail',
    status: 404,
    code: 'ErrorNonExistentMailbox',
    message: 'The SMTP address has no mailbox associated with it.',
  },
  nothosted: {
    scope: 'mail',
    status: 404,
    code: 'MailboxNotHostedInExchangeOnline',
    message: 'The mailbox is not hosted in Exchange Online.',
  },
  notsupported: {
    scope: 'mail',
    status: 404,
    code: 'MailboxNotSupportedForRESTAPI',
    message: 'The mailbox does not support REST API.',
  },
  storedown: {
    scope: 'mail',
    status: 503,
    code: 'ErrorMailboxStoreUnavailable',
    message: 'The mailbox database is temporarily unavailable.',
    headers: { 'retry-after': '1' },
  },
  moving: {
    scope: 'mail',
    status: 503,
    code: 'ErrorMailboxMoveInProgress',
    message: 'Mailbox move in progress. Try again later.',
  },
  stale: {
    scope: 'mail',
    status: 503,
    code: 'MailboxInfoStale',
    message: "Target resource is currently on backend 'Unknown'.",
  },
  blocked: {
    scope: 'mail',
    status: 403,
    code: 'ErrorAccessDenied',
    message: 'Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.',
  },
  disabled: { scope: 'mail', status: 403, code: 'ErrorAccessDenied', message: 'Access to OData is disabled.' },
  noconsent: {
    scope: 'mail',
    status: 403,
    code: 'ErrorAccessDenied',
    message: 'Access is denied. Check credentials and try again.',
  },
  overquota: { scope: 'delta', status: 403, code: 'ErrorQuotaExceeded', message: 'The mailbox is over its quota.' },
  nodelta: {
    scope: 'delta',
    status: 400,
    code: 'BadRequest',
    message: "Parameter 'DeltaToken' not supported for this request.",
  },
  // Where there is no such function, `delta` is taken for the id of a folder.
  nofolderdelta: { scope: 'folder_delta', status: 400, code: 'ErrorInvalidIdMalformed', message: 'Id is malformed.' },
  hidden: {
    scope: 'all',
    status: 403,
    code: 'Authorization_RequestDenied',
    message: 'Insufficient privileges to complete the operation.',
  },
}
