import type { ErrorCode } from '../errors.ts'
import type { Failure } from './failure.ts'

/** What a request asks for; the same refusal means different things for different ones. */
export type Subject =
  | 'user'
  | 'mailbox'
  | 'folders'
  | 'folder'
  | 'page'
  | 'range'
  | 'message'
  | MessagePart
  | 'group'
  | 'directory'

/** What belongs to one message: the list of its attachments, the content of one, the message as RFC 822 text. */
type MessagePart = 'attachments' | 'attachment' | 'mime'

type Refusal =
  | 'mailboxNotFound'
  | 'mailboxUnavailable'
  | 'mailboxDenied'
  | 'mailboxBlocked'
  | 'directoryDenied'
  | 'groupNotFound'
  | 'overQuota'
  | 'conditionalAccess'
  | 'paymentRequired'

const REFUSALS: Record<Refusal, { code: ErrorCode; message: string }> = {
  mailboxNotFound: {
    code: 'mailbox_not_found',
    message:
      'No user with a mailbox has this address in the tenant. Check the spelling and use the user principal name; ' +
      'distribution lists and Microsoft 365 groups have no mailbox of their own.',
  },
  mailboxUnavailable: {
    code: 'mailbox_unavailable',
    message:
      'The user exists, but Graph cannot reach a mailbox of theirs: it is on-premises, without a licence, inactive or ' +
      'soft-deleted. Assign an Exchange Online licence or migrate the mailbox; a new one takes up to 15 minutes to appear.',
  },
  mailboxDenied: {
    code: 'mailbox_access_denied',
    message:
      'The app may not read this mailbox. An administrator grants it the application permission Mail.Read (with admin ' +
      'consent), or the role "Application Mail.Read" in Exchange for a scope that holds the mailbox.',
  },
  mailboxBlocked: {
    code: 'mailbox_access_blocked',
    message:
      'A policy of the tenant keeps the app away from this mailbox. An Exchange administrator adds the mailbox to the group ' +
      'of the application access policy (New-ApplicationAccessPolicy; up to an hour until it works), and checks that no EWS ' +
      'allow or block list (EwsApplicationAccessPolicy) shuts out the user agent "outlookmail".',
  },
  directoryDenied: {
    code: 'directory_access_denied',
    message:
      'The app may not look up users or groups. An administrator grants it the application permission User.ReadBasic.All; ' +
      'for batches of all users User.Read.All, for batches of a group GroupMember.Read.All as well; with admin consent.',
  },
  groupNotFound: {
    code: 'group_not_found',
    message: 'There is no such group in the tenant. Give the object id of the group.',
  },
  overQuota: {
    code: 'graph_refused',
    message:
      'The mailbox is over its storage quota, and Graph refuses to read it. Free some space or raise the quota, then continue.',
  },
  conditionalAccess: {
    code: 'login_refused',
    message:
      'A Conditional Access policy of the tenant refuses the app from this network or for its risk. An administrator ' +
      'excludes the app (workload identity) from the policy, or allows the address of this host.',
  },
  paymentRequired: {
    code: 'graph_refused',
    message: 'Graph asks for payment (402): the tenant must set up billing for metered APIs.',
  },
}

export function refusal(name: Refusal): Extract<Failure, { kind: 'fail' }> {
  return { kind: 'fail', ...REFUSALS[name] }
}

/**
 * A refusal without a cure known to us: of a part of a message it costs that part, of anything else the mailbox. Graph's
 * code is a word, never an id.
 */
export function refusedWith(subject: Subject, statusCode: number, code: string | undefined): Failure {
  if (isMessagePart(subject)) return { kind: 'skip', because: 'unreadable' }
  const said = code && /^[\w.]{1,80}$/.test(code) ? `${statusCode} ${code}` : String(statusCode)
  return { kind: 'fail', code: 'graph_refused', message: `Graph refused the request (${said}).` }
}

/** 404 with an error of Graph's own: the thing asked for is not there. */
export function notThere(subject: Subject, refused: Failure): Failure {
  switch (subject) {
    case 'user':
      return refusal('mailboxNotFound')
    case 'mailbox':
      return refusal('mailboxUnavailable')
    case 'group':
      return refusal('groupNotFound')
    case 'folder':
    case 'page':
    case 'range':
    case 'message':
    case 'attachments':
    case 'attachment':
    case 'mime':
      return { kind: 'skip', because: 'gone' }
    default:
      return refused
  }
}

export function isMessagePart(subject: Subject): subject is MessagePart {
  return subject === 'attachments' || subject === 'attachment' || subject === 'mime'
}

export function denied(subject: Subject): Failure {
  const isDirectory = subject === 'user' || subject === 'group' || subject === 'directory'
  return refusal(isDirectory ? 'directoryDenied' : 'mailboxDenied')
}
