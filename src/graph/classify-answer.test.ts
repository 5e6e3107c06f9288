import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Asked, classifyAnswer } from './classify-answer.ts'
import type { Failure } from './failure.ts'
import type { Subject } from './refusals.ts'

interface Row {
  status: number
  code?: string
  inner?: string
  message?: string
  body?: string
  challenge?: string
  subject?: Subject
  continued?: boolean
  /** `wait throttled`, `skip gone`, `fail graph_refused`… */
  means: string
}

const ROWS: Row[] = [
  // throttling
  { status: 429, code: 'TooManyRequests', means: 'wait throttled' },
  {
    status: 429,
    code: 'ApplicationThrottled',
    message: 'over its MailboxConcurrency limit',
    means: 'wait throttled crowded',
  },
  { status: 429, code: 'ErrorTooManyObjectsOpened', means: 'wait throttled' },
  { status: 429, code: 'UnknownError', means: 'wait throttled' },
  { status: 429, body: '', means: 'wait throttled' },
  { status: 503, body: '', means: 'wait server_busy newConnection' },
  { status: 503, code: 'serviceNotAvailable', means: 'wait server_busy newConnection' },
  { status: 503, code: 'ErrorServerBusy', means: 'wait server_busy newConnection' },
  { status: 509, code: 'bandwidthLimitExceeded', means: 'wait bandwidth_used_up' },

  // too slow, or an error of the server
  { status: 504, code: 'UnknownError', means: 'wait timeout' },
  { status: 504, body: '<html>', means: 'wait timeout' },
  { status: 408, code: 'requestTimeout', means: 'wait timeout' },
  { status: 500, code: 'ErrorTimeoutExpired', means: 'wait timeout' },
  { status: 500, code: 'InternalServerError', message: 'Error while processing response.', means: 'wait server_error' },
  { status: 500, code: 'ErrorInternalServerTransientError', means: 'wait server_error' },
  { status: 500, code: 'ErrorInternalServerError', means: 'wait server_error' },
  { status: 500, code: 'UnknownError', means: 'wait server_error' },
  { status: 500, code: 'generalException', means: 'wait server_error' },
  { status: 400, code: 'generalException', means: 'wait server_error' },
  { status: 502, body: '', means: 'wait server_error' },
  { status: 507, code: 'somethingNew', means: 'wait server_error' },
  { status: 500, code: 'ErrorADUnavailable', means: 'wait server_busy' },
  { status: 500, code: 'ErrorConnectionFailed', means: 'wait server_busy' },
  { status: 503, code: 'MailboxInfoStale', means: 'wait server_busy newConnection' },
  { status: 503, code: 'ErrorMailboxStoreUnavailable', means: 'wait mailbox_moving newConnection' },
  { status: 500, code: 'ErrorMailboxMoveInProgress', means: 'wait mailbox_moving' },
  { status: 500, code: 'UnknownError', inner: 'errorMAILBOXMoveInProgress', means: 'wait mailbox_moving' },
  { status: 404, body: '', means: 'wait empty_not_found' },
  { status: 404, body: '<html>a proxy</html>', means: 'wait empty_not_found' },
  { status: 400, code: 'invalidRequest', message: 'IO error during request payload read', means: 'wait payload_lost' },

  // token and policies
  { status: 401, code: 'InvalidAuthenticationToken', means: 'renew' },
  { status: 401, body: '', means: 'renew' },
  { status: 401, challenge: 'Bearer error="insufficient_claims", claims="e30="', means: 'fail login_refused' },
  { status: 403, challenge: 'Bearer error="insufficient_claims"', means: 'fail login_refused' },
  { status: 403, code: 'ErrorAccessDenied', means: 'fail mailbox_access_denied' },
  {
    status: 403,
    code: 'ErrorAccessDenied',
    message: 'Access to OData is disabled.',
    means: 'fail mailbox_access_blocked',
  },
  {
    status: 403,
    code: 'ErrorAccessDenied',
    message: 'Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.',
    means: 'fail mailbox_access_blocked',
  },
  { status: 403, code: 'Authorization_RequestDenied', subject: 'user', means: 'fail directory_access_denied' },
  { status: 403, code: 'Authorization_RequestDenied', subject: 'group', means: 'fail directory_access_denied' },
  { status: 403, body: '', subject: 'directory', means: 'fail directory_access_denied' },
  { status: 403, body: '', means: 'fail mailbox_access_denied' },

  // mailboxes that cannot be read
  { status: 404, code: 'Request_ResourceNotFound', subject: 'user', means: 'fail mailbox_not_found' },
  { status: 404, code: 'Request_ResourceNotFound', subject: 'group', means: 'fail group_not_found' },
  { status: 400, code: 'Request_BadRequest', subject: 'group', means: 'fail group_not_found' },
  { status: 400, code: 'Request_BadRequest', subject: 'user', means: 'fail mailbox_not_found' },
  { status: 404, code: 'ErrorInvalidUser', subject: 'mailbox', means: 'fail mailbox_not_found' },
  { status: 404, code: 'ErrorNonExistentMailbox', subject: 'mailbox', means: 'fail mailbox_not_found' },
  { status: 404, code: 'MailboxNotEnabledForRESTAPI', subject: 'mailbox', means: 'fail mailbox_unavailable' },
  { status: 404, code: 'MailboxNotEnabledForRESTAPI', means: 'fail mailbox_unavailable' },
  { status: 404, code: 'MailboxNotHostedInExchangeOnline', subject: 'mailbox', means: 'fail mailbox_unavailable' },
  { status: 400, code: 'MailboxNotSupportedForRESTAPI', subject: 'mailbox', means: 'fail mailbox_unavailable' },
  { status: 404, code: 'ResourceNotFound', subject: 'mailbox', means: 'fail mailbox_unavailable' },
  { status: 404, code: 'ErrorItemNotFound', subject: 'mailbox', means: 'fail mailbox_unavailable' },
  { status: 403, code: 'AuthenticationError', subject: 'mailbox', means: 'fail mailbox_unavailable' },

  // one thing is gone, or cannot be given
  { status: 404, code: 'ErrorItemNotFound', subject: 'message', means: 'skip gone' },
  { status: 404, code: 'ErrorItemNotFound', subject: 'folder', means: 'skip gone' },
  { status: 404, code: 'ErrorItemNotFound', means: 'skip gone' },
  { status: 400, code: 'ErrorSyncFolderNotFound', means: 'skip gone' },
  { status: 404, code: 'aNewCode', subject: 'message', means: 'skip gone' },
  { status: 500, code: 'ErrorContentConversionFailed', subject: 'message', means: 'skip unreadable' },
  { status: 500, code: 'ErrorMimeContentConversionFailed', subject: 'message', means: 'skip unreadable' },
  { status: 500, code: 'ErrorCorruptData', subject: 'message', means: 'skip unreadable' },
  { status: 500, code: 'ErrorInvalidRecipients', subject: 'message', means: 'skip unreadable' },
  { status: 500, code: 'ErrorCannotOpenFileAttachment', subject: 'message', means: 'skip unreadable' },
  { status: 500, code: 'ErrorCorruptData', means: 'shrink' },
  { status: 500, code: 'ErrorCorruptData', subject: 'folders', means: 'fail graph_refused' },

  // a part of a message costs that part only
  { status: 500, code: 'ErrorCannotOpenFileAttachment', subject: 'attachment', means: 'skip unreadable' },
  { status: 500, code: 'ErrorContentConversionFailed', subject: 'attachment', means: 'skip unreadable' },
  { status: 500, code: 'ErrorMimeContentConversionFailed', subject: 'mime', means: 'skip unreadable' },
  { status: 500, code: 'ErrorCorruptData', subject: 'mime', means: 'skip unreadable' },
  { status: 500, code: 'ErrorInvalidRecipients', subject: 'mime', means: 'skip unreadable' },
  { status: 500, code: 'ErrorCorruptData', subject: 'attachments', means: 'skip unreadable' },
  { status: 404, code: 'ErrorItemNotFound', subject: 'attachments', means: 'skip gone' },
  { status: 404, code: 'ErrorItemNotFound', subject: 'attachment', means: 'skip gone' },
  { status: 404, code: 'ErrorItemNotFound', subject: 'mime', means: 'skip gone' },
  { status: 404, body: '', subject: 'attachment', means: 'wait empty_not_found' },
  { status: 405, body: '', subject: 'attachment', means: 'skip unreadable' },
  { status: 405, code: 'ErrorInvalidRequest', subject: 'mime', means: 'skip unreadable' },
  { status: 400, code: 'RequestBroker--ParseUri', subject: 'attachments', means: 'skip unreadable' },
  { status: 400, code: 'ErrorInvalidIdMalformed', subject: 'attachment', means: 'skip unreadable' },
  { status: 501, code: 'NotImplemented', subject: 'attachment', means: 'skip unreadable' },
  { status: 429, code: 'ErrorTooManyObjectsOpened', subject: 'attachments', means: 'wait throttled' },
  { status: 504, body: '', subject: 'attachment', means: 'wait timeout' },
  { status: 403, code: 'ErrorAccessDenied', subject: 'attachments', means: 'fail mailbox_access_denied' },
  { status: 404, code: 'MailboxNotEnabledForRESTAPI', subject: 'mime', means: 'fail mailbox_unavailable' },

  // the walk has to begin anew
  { status: 410, code: 'SyncStateNotFound', means: 'restart' },
  { status: 410, body: '', means: 'restart' },
  { status: 400, code: 'syncStateInvalid', means: 'restart' },
  { status: 404, code: 'syncStateNotFound', means: 'restart' },
  { status: 410, code: 'resyncRequired', means: 'restart' },
  { status: 410, code: 'resyncChangesApplyDifferences', means: 'restart' },
  { status: 400, code: 'BadRequest', message: 'Badly formed token.', continued: true, means: 'restart' },
  { status: 400, code: 'Directory_ExpiredPageToken', subject: 'directory', continued: true, means: 'restart' },
  { status: 400, code: 'Request_BadRequest', subject: 'group', continued: true, means: 'restart' },
  { status: 410, body: '', subject: 'folders', means: 'fail graph_refused' },

  // nothing that time or a smaller page cures
  { status: 400, code: 'BadRequest', means: 'fail graph_refused' },
  { status: 400, code: 'ErrorInvalidIdMalformed', subject: 'message', means: 'fail graph_refused' },
  { status: 400, code: 'InefficientFilter', means: 'fail graph_refused' },
  { status: 403, code: 'ErrorQuotaExceeded', means: 'skip untracked' },
  { status: 403, code: 'ErrorQuotaExceeded', subject: 'folders', means: 'fail graph_refused' },
  { status: 402, code: 'PaymentRequired', means: 'fail graph_refused' },
  { status: 501, code: 'NotImplemented', means: 'fail graph_refused' },
  { status: 405, body: '', means: 'fail graph_refused' },
  { status: 308, body: '', means: 'fail graph_refused' },
]

for (const row of ROWS) {
  const said = [row.code ?? (row.body === '' ? 'empty' : 'no envelope'), row.inner, row.message, row.challenge]
  const about = row.subject ?? (row.continued ? 'page by a link' : 'page')
  test(`${row.status} ${said.filter(Boolean).join(' / ')} on a ${about}: ${row.means}`, () => {
    assert.equal(inWords(classify(row)), row.means)
  })
}

describe('a refusal', () => {
  test('carries the wait that the server asked for, whatever its class', () => {
    const answer = { statusCode: 504, retryAfterMs: 7_000, challenge: undefined, body: '' }
    assert.deepEqual(classifyAnswer(answer, { subject: 'page', continued: false }), {
      kind: 'wait',
      reason: 'timeout',
      retryAfterMs: 7_000,
    })
  })

  test('names in its sentence what cures it, and never what Graph said of ids', () => {
    const message = "Resource 'secret-id' does not exist"
    const failure = classify({ status: 404, code: 'Request_ResourceNotFound', message, subject: 'user', means: '' })
    assert.ok(failure.kind === 'fail' && !failure.message.includes('secret-id'))
  })

  test('for a cloud without change tracking says so', () => {
    const message = "Unsupported request: Change tracking is not supported against 'microsoft.graph.message'."
    const failure = classify({ status: 400, code: 'BadRequest', message, means: '' })
    assert.deepEqual(failure, { kind: 'skip', because: 'untracked' })
  })
})

function classify(row: Row): Failure {
  const { status, code, inner, message = '' } = row
  const innerError = inner ? { innererror: { code: inner } } : {}
  const body = row.body ?? (code ? JSON.stringify({ error: { code, message, innerError } }) : '')
  const asked: Asked = { subject: row.subject ?? 'page', continued: row.continued ?? false }
  return classifyAnswer({ statusCode: status, retryAfterMs: undefined, challenge: row.challenge, body }, asked)
}

function inWords(failure: Failure): string {
  switch (failure.kind) {
    case 'wait':
      return ['wait', failure.reason, failure.crowded && 'crowded', failure.newConnection && 'newConnection']
        .filter(Boolean)
        .join(' ')
    case 'skip':
      return `skip ${failure.because}`
    case 'fail':
      return `fail ${failure.code}`
    default:
      return failure.kind
  }
}
