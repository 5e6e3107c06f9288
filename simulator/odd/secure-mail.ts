import { base64Of, Content } from '../content.ts'
import type { Attachment } from '../message-content.ts'
import { seededContent } from '../seeded-content.ts'
import { type OddMaker, receivedHeaders } from './odd-message.ts'

const SIGNED = 'multipart/signed; protocol="application/x-pkcs7-signature"; micalg=sha-256; boundary="signed"'
const ENVELOPED = 'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"'
const OPAQUE = 'application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"'

/** Signed and encrypted mail. All that there is of it lies in one attachment, and only the clear-signed kind has a MIME form. */
export const SECURE_MAIL = {
  clear_signed: ({ at }) => ({
    headers: receivedHeaders(at, SIGNED),
    mime: Content.of(`Content-Type: ${SIGNED}\r\n\r\n`, signedBody()),
    attachments: () => [blob('multipart/signed', signedBody())],
  }),
  opaque_signed: ({ at }) => ({
    headers: receivedHeaders(at, OPAQUE),
    html: '',
    preview: '',
    mime: 'ErrorMimeContentConversionFailed',
    attachments: () => [blob('application/pkcs7-mime', seededContent(31, 1, 9_000))],
  }),
  encrypted: ({ at }) => ({
    headers: receivedHeaders(at, ENVELOPED),
    html: '',
    preview: '',
    mime: 'ErrorMimeContentConversionFailed',
    attachments: () => [blob('application/pkcs7-mime', seededContent(31, 2, 70_000))],
  }),
} satisfies Record<string, OddMaker>

function blob(contentType: string, content: Content): Attachment {
  return { kind: 'file', name: 'smime.p7m', contentType, isInline: false, contentId: null, content }
}

function signedBody(): Content {
  return Content.of(
    '--signed\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThis is clear_signed.\r\n',
    '--signed\r\nContent-Type: application/x-pkcs7-signature; name="smime.p7s"\r\n',
    'Content-Transfer-Encoding: base64\r\n\r\n',
    base64Of(seededContent(31, 3, 3_000), 76),
    '\r\n--signed--\r\n',
  )
}
