import { Content } from '../content.ts'
import type { Attachment, Party } from '../message-content.ts'
import { type OddMaker, page, receivedHeaders } from './odd-message.ts'

const POSTMASTER: Party = { name: 'Microsoft Outlook', address: 'postmaster@contoso.example' }
const DELIVERY = 'multipart/report; report-type=delivery-status; boundary="report"'
const DISPOSITION = 'multipart/report; report-type=disposition-notification; boundary="report"'

/** What mail servers and mail programs write by themselves. */
export const REPORTS = {
  non_delivery_report: ({ owner, at }) => ({
    ...nonDelivery(at),
    mime: report(DELIVERY, 'message/delivery-status', [
      'Reporting-MTA: dns; mail.contoso.example',
      '',
      'Final-Recipient: rfc822;nobody@fabrikam.example',
      'Action: failed',
      'Status: 5.1.1',
    ]),
    to: [owner],
  }),
  /** Exchange cannot turn signed reports into MIME. */
  non_delivery_report_signed: ({ at }) => ({ ...nonDelivery(at), mime: 'ErrorMimeContentConversionFailed' }),
  read_receipt: ({ at }) => ({
    subject: 'Read: Quarterly figures',
    headers: receivedHeaders(at, DISPOSITION),
    html: page('<p>Your message was read.</p>'),
    mime: report(DISPOSITION, 'message/disposition-notification', [
      'Final-Recipient: RFC822; lynne.robbins@fabrikam.example',
      'Disposition: automatic-action/MDN-sent-automatically; displayed',
    ]),
  }),
} satisfies Record<string, OddMaker>

function nonDelivery(at: number) {
  return {
    from: POSTMASTER,
    sender: POSTMASTER,
    subject: 'Undeliverable: Quarterly figures',
    headers: receivedHeaders(at, DELIVERY),
    html: page('<p>Your message could not be delivered to nobody@fabrikam.example.</p>'),
    attachments: (): Attachment[] => [
      { kind: 'item', name: 'Quarterly figures', type: 'message/rfc822', content: Content.of(ORIGINAL) },
    ],
  }
}

const ORIGINAL = [
  'From: Adele Vance <adele.vance@contoso.example>',
  'To: nobody@fabrikam.example',
  'Subject: Quarterly figures',
  'Content-Type: text/plain; charset=utf-8',
  '',
  'The figures.',
  '',
].join('\r\n')

function report(contentType: string, partType: string, fields: readonly string[]): Content {
  const part = (type: string, ...lines: readonly string[]) => ['--report', `Content-Type: ${type}`, '', ...lines]
  return Content.of(
    [
      `Content-Type: ${contentType}`,
      '',
      ...part('text/plain; charset=utf-8', 'This is a report.'),
      ...part(partType, ...fields, ''),
      ...part('message/rfc822', ORIGINAL),
      '--report--',
      '',
    ].join('\r\n'),
  )
}
