import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BlobServiceClient } from '@azure/storage-blob'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { Azurite } from '../../src/blobs/testing/azurite.ts'
import type { Email, StartBody } from '../../src/http/contract.ts'
import { assertPerfectContents } from '../support/contents.ts'
import { assertPerfectCopy } from '../support/copies.ts'
import { aPlace, onEachDatabase } from '../support/place.ts'
import { type Place, Service, TempFolder } from '../support/service.ts'
import { untilStatus } from '../support/wait.ts'

const DEMO = 'adele.vance@contoso.example'
const ODD = 'odd@example.com'

onEachDatabase((database) => {
  test('every attachment and every MIME text is stored byte for byte, and can be downloaded', async () => {
    await using simulator = await startSimulator()
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    const record = await copy(service, DEMO, { mime: true })
    await assertPerfectCopy(simulator, place, DEMO)
    const { attachments, mimes } = await assertPerfectContents(simulator, place, DEMO, { mime: true })
    assert.ok(attachments > 20 && mimes > 1_000, `${attachments} attachments, ${mimes} MIME texts`)
    const { attachments_total, attachments_stored, attachments_skipped } = record.progress
    assert.equal(attachments_total, attachments_stored + attachments_skipped)
    assert.equal(simulator.stats().violations, 0)

    const email = (await emailsOf(service, DEMO)).find((email) => email.attachments.some(({ sha256 }) => sha256))
    const attachment = email?.attachments.find(({ sha256 }) => sha256)
    assert.ok(email && attachment?.content_url && email.mime)
    assert.equal(await hashAt(service, attachment.content_url), attachment.sha256)
    assert.equal(await hashAt(service, email.mime.url), email.mime.sha256)
  })

  test('every kind of item and everything odd is stored faithfully', async () => {
    await using simulator = await startSimulator({ mailboxes: [{ name: ODD, odd: 'all' }] })
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    const record = await copy(service, ODD, { mime: true })
    await assertPerfectCopy(simulator, place, ODD)
    await assertPerfectContents(simulator, place, ODD, { mime: true })
    assert.equal(record.progress.messages_skipped, 0)
    assert.equal(record.progress.attachments_skipped, 1)
    assert.equal(simulator.stats().violations, 0)

    const skipped = await Array.fromAsync(service.client.skipped(ODD))
    const unopenable = idOf(simulator, 'unopenable_attachment')
    assert.deepEqual(
      skipped.map(({ message_id, code }) => ({ message_id, code })),
      [{ message_id: unopenable, code: 'ErrorCannotOpenFileAttachment' }],
    )
    const report = await service.client.report(ODD)
    assert.equal(report.complete, false)
    assert.match(report.reasons.join(), /^1 attachments could not be read/)
    assertOddities(simulator, place, await emailsOf(service, ODD))
  })

  test('an erased mailbox leaves no blob behind that nobody else uses, and can be copied anew', async () => {
    const other = 'other@example.com'
    await using simulator = await startSimulator({
      mailboxes: [
        { name: ODD, odd: ['same_content_1', 'inline_image'] },
        { name: other, odd: ['same_content_2'] },
      ],
    })
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    const blobs = () =>
      readdirSync(join(place.path, 'blobs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
        /[0-9a-f]{64}$/.test(name),
      )
    await copy(service, ODD)
    await copy(service, other)
    assert.equal(blobs().length, 2, 'three files, two of the same content')
    await service.client.eraseMailbox(ODD)
    assert.equal(blobs().length, 1)
    await assertPerfectContents(simulator, place, other)
    assert.deepEqual(await emailsOf(service, ODD), [])
    await copy(service, ODD)
    await assertPerfectCopy(simulator, place, ODD)
    await assertPerfectContents(simulator, place, ODD)
  })
})

test('attachments are the same where Graph knows their contentId by its plain name only', async () => {
  await using simulator = await startSimulator({
    mailboxes: [{ name: ODD, odd: ['inline_image', 'every_kind', 'same_content_2'] }],
    fileSelect: 'plain',
  })
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  await copy(service, ODD)
  const { attachments } = await assertPerfectContents(simulator, folder, ODD)
  assert.equal(attachments, 6)
})

test('contents are the same on Azure Blob Storage', async () => {
  const odd = [
    'every_kind',
    'empty_attachment',
    'same_content_2',
    'large_attachment',
    'heavy_attachments',
    'emoji',
  ] as const
  await using azurite = await Azurite.start()
  await using simulator = await startSimulator({ mailboxes: [{ name: ODD, odd }] })
  using folder = new TempFolder()
  const certificates = join(folder.path, 'certificates.pem')
  writeFileSync(certificates, [simulator.ca, azurite.certificate].join('\n'))
  await using service = await Service.start(simulator, folder, {
    NODE_EXTRA_CA_CERTS: certificates,
    BLOB_STORE: `azure:${azurite.connectionString}`,
  })
  await copy(service, ODD, { mime: true })
  const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('outlookmail')
  const readBlob = async function* (sha256: string) {
    const { readableStreamBody } = await container.getBlobClient(sha256).download()
    for await (const chunk of readableStreamBody ?? []) yield chunk as Uint8Array
  }
  const { attachments } = await assertPerfectContents(simulator, folder, ODD, { mime: true, readBlob })
  assert.equal(attachments, 16)
  const email = (await emailsOf(service, ODD)).find(({ id }) => id === idOf(simulator, 'large_attachment'))
  const [film] = email?.attachments ?? []
  assert.ok(film?.content_url)
  assert.equal(await hashAt(service, film.content_url), film.sha256)
})

test('a later run that asks for more fetches what is missing, and nothing twice', async () => {
  await using simulator = await startSimulator({
    mailboxes: [{ name: ODD, messages: 120, attachments: { every: 3, minBytes: 1_000, maxBytes: 90_000 } }],
  })
  using folder = new TempFolder()
  await using service = await Service.start(simulator, folder)
  const asked = async (options: NonNullable<StartBody['options']>) => {
    simulator.resetStats()
    await copy(service, ODD, options)
    const { attachments = 0, attachment_content = 0, mime = 0 } = simulator.stats().by_kind
    return { attachments, attachment_content, mime }
  }
  const nothing = { attachments: 0, attachment_content: 0, mime: 0 }
  assert.deepEqual(await asked({ attachments: 'none' }), nothing)
  assert.deepEqual(await asked({ attachments: 'metadata' }), { ...nothing, attachments: 40 })
  assert.deepEqual(await asked({ attachments: 'content' }), { ...nothing, attachment_content: 40 })
  assert.deepEqual(await asked({ attachments: 'content', mime: true }), { ...nothing, mime: 120 })
  assert.deepEqual(await asked({ attachments: 'content', mime: true }), nothing)
  await assertPerfectContents(simulator, folder, ODD, { mime: true })
})

async function copy(service: Service, mailbox: string, options: NonNullable<StartBody['options']> = {}) {
  await service.client.start(mailbox, { user_upn: mailbox, options })
  return untilStatus(service.client, mailbox, 'completed')
}

async function emailsOf(service: Service, mailbox: string): Promise<Email[]> {
  return Array.fromAsync(service.client.result(mailbox))
}

function idOf(simulator: Simulator, odd: string): string {
  for (const line of simulator.truth(ODD)) if (line.type === 'message' && line.odd === odd) return line.id
  throw new Error(`There is no odd message '${odd}'`)
}

async function hashAt(service: Service, path: string): Promise<string> {
  const response = await fetch(`${service.url}${path}`)
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-disposition') ?? '', /^attachment/)
  const hash = createHash('sha256')
  for await (const chunk of response.body ?? []) hash.update(chunk)
  return hash.digest('hex')
}

function assertOddities(simulator: Simulator, place: Place, emails: readonly Email[]): void {
  const byId = new Map(emails.map((email) => [email.id, email]))
  const of = (odd: string): Email => {
    const email = byId.get(idOf(simulator, odd))
    assert.ok(email, odd)
    return email
  }
  for (const [odd, type] of Object.entries(MESSAGE_TYPES)) assert.equal(of(odd).message_type, type, odd)
  assert.equal(of('null_subject').subject, null)
  assert.equal(of('empty_subject').subject, '')
  assert.equal(of('emoji').subject, '🎉 Launch 🚀 👩‍👩‍👧‍👦 ✏️')
  assert.equal(of('nul').subject, place.kept('before \u0000 after'))
  assert.equal(of('lone_surrogates').subject, 'half \ufffd and other half \ufffd')
  assert.ok((of('large_body').body?.length ?? 0) > 10_000_000)
  assert.equal(
    of('many_recipients').recipients.filter(({ recipient_type }) => recipient_type === 'to' || recipient_type === 'cc')
      .length,
    2_000,
  )
  assert.equal(of('missing_dates').received_date_time, null)
  assert.equal(of('draft_without_sender').is_draft, true)
  assert.equal(of('many_attachments').attachments.length, 520)
  assert.equal(of('inline_image').attachments.length, 1)
  assert.match(of('opaque_signed').mime_error ?? '', /ErrorMimeContentConversionFailed/)
}

const MESSAGE_TYPES = {
  emoji: 'message',
  meeting_request: 'eventMessageRequest',
  meeting_cancelled: 'eventMessage',
  meeting_declined: 'eventMessageResponse',
  calendar_sharing: 'calendarSharingMessage',
  non_delivery_report: 'nonDeliveryReport',
  read_receipt: 'readReceipt',
  clear_signed: 'signedMessage',
  opaque_signed: 'signedMessage',
  encrypted: 'encryptedMessage',
}
