import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageTypeOf } from './message-type.ts'

const withHeader = (value: string | null) =>
  messageTypeOf({
    id: 'AAkA1',
    '@odata.type': '#microsoft.graph.message',
    internetMessageHeaders: [
      { name: 'Received', value: 'by mx' },
      { name: 'content-type', value },
      { name: 'Content-Type', value: 'multipart/signed' },
    ],
  })

test('a subtype of Graph stays what Graph calls it, whatever its header says', () => {
  const internetMessageHeaders = [{ name: 'Content-Type', value: 'multipart/signed' }]
  const wire = { id: 'AAkA1', '@odata.type': '#microsoft.graph.eventMessageRequest', internetMessageHeaders }
  assert.equal(messageTypeOf(wire), 'eventMessageRequest')
})

test('a message without type or header is a plain one', () => {
  assert.equal(messageTypeOf({ id: 'AAkA1' }), 'message')
  assert.equal(messageTypeOf({ id: 'AAkA1', internetMessageHeaders: null }), 'message')
  assert.equal(messageTypeOf({ id: 'AAkA1', '@odata.type': 'of another kind' }), 'message')
})

const TYPES: [header: string | null, type: string][] = [
  ['multipart/report; report-type=delivery-status; boundary="=_1"', 'nonDeliveryReport'],
  ['multipart/report;\r\n\tboundary="a; report-type=x";\r\n\treport-type="Delivery-Status"', 'nonDeliveryReport'],
  ['multipart/report; report-type=disposition-notification', 'readReceipt'],
  ['multipart/report; report-type= disposition-notification', 'readReceipt'],
  ['multipart/report; report-type=feedback-report', 'message'],
  ['multipart/report', 'message'],
  ['multipart/signed; protocol="application/pkcs7-signature"; micalg=SHA1', 'signedMessage'],
  ['multipart/signed; protocol="application/pgp-signature"', 'signedMessage'],
  ['application/pkcs7-mime; smime-type=signed-data; name=smime.p7m', 'signedMessage'],
  ['application/x-pkcs7-mime; name="smime.p7m"; smime-type=enveloped-data', 'encryptedMessage'],
  ['application/pkcs7-mime; smime-type=authEnveloped-data', 'encryptedMessage'],
  ['application/pkcs7-mime', 'encryptedMessage'],
  ['application/pkcs7-mime; smime-type=certs-only', 'message'],
  ['application/pkcs7-mime; smime-type=compressed-data', 'message'],
  ['multipart/encrypted; protocol="application/pgp-encrypted"', 'encryptedMessage'],
  ['multipart/mixed; boundary="report-type=delivery-status"', 'message'],
  ['multipart/reports; report-type=delivery-status', 'message'],
  ['application/pkcs7-signature', 'message'],
  ['multipart/signed (odd)', 'message'],
  ['', 'message'],
  [null, 'message'],
]

for (const [header, type] of TYPES) {
  test(`a plain message with Content-Type ${JSON.stringify(header)} is a ${type}`, () => {
    assert.equal(withHeader(header), type)
  })
}
