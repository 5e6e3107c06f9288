import { MIMEType } from 'node:util'
import type { WireMessage } from './wire.ts'

/** What a plain message is by its MIME type (RFC 6522 and 3464, 8098, 1847, 8551). */
type MimeMessageType = 'nonDeliveryReport' | 'readReceipt' | 'signedMessage' | 'encryptedMessage'

const TYPE_PREFIX = '#microsoft.graph.'

/** Graph's subtype of a message; of those that it calls plain, what the Content-Type of their header says they are. */
export function messageTypeOf(wire: WireMessage): string {
  const type = wire['@odata.type']
  if (type?.startsWith(TYPE_PREFIX) && type !== `${TYPE_PREFIX}message`) return type.slice(TYPE_PREFIX.length)
  const header = contentTypeOf(wire.internetMessageHeaders)
  return (header !== undefined && byContentType(header)) || 'message'
}

/** The Content-Type of the message as it was sent; undefined where Graph gives no headers. */
export function contentTypeOf(headers: WireMessage['internetMessageHeaders']): string | undefined {
  if (!Array.isArray(headers)) return undefined
  const header = headers.find((each) => typeof each?.name === 'string' && /^content-type$/i.test(each.name))
  return header?.value ?? undefined
}

// Nearly every message is of another type, and is not parsed for it.
const SPECIAL = /^\s*(multipart\/(report|signed|encrypted)|application\/(x-)?pkcs7-mime)\b/i

function byContentType(header: string): MimeMessageType | undefined {
  if (!SPECIAL.test(header)) return undefined
  const type = parse(header)
  const parameter = (name: string) => type?.params.get(name)?.trim().toLowerCase()
  switch (type?.essence) {
    case 'multipart/report':
      return REPORTS[parameter('report-type') ?? '']
    case 'multipart/signed':
      return 'signedMessage'
    case 'multipart/encrypted':
      return 'encryptedMessage'
    default:
      return type && byContentOfPkcs7(parameter('smime-type'))
  }
}

const REPORTS: Partial<Record<string, MimeMessageType>> = {
  'delivery-status': 'nonDeliveryReport',
  'disposition-notification': 'readReceipt',
}

/** Without the parameter, which old senders leave out, it is encrypted. */
function byContentOfPkcs7(smimeType: string | undefined): MimeMessageType | undefined {
  if (smimeType === 'signed-data') return 'signedMessage'
  const isNeither = smimeType === 'certs-only' || smimeType === 'compressed-data'
  return isNeither ? undefined : 'encryptedMessage'
}

function parse(header: string): MIMEType | undefined {
  try {
    return new MIMEType(header)
  } catch {
    return undefined
  }
}
