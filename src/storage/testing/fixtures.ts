import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Folder, FolderId } from '../../copying/mailbox.ts'
import type { MessageId } from '../../copying/message.ts'
import type { KeptMessage, Lane, MailboxKey, PageToSave } from '../../copying/message-store.ts'
import { AppError } from '../../errors.ts'
import type { BatchId, Claim, ConnectionId, ExtractionId } from '../../extractions/extraction.ts'
import { DEFAULT_OPTIONS, type ExtractionOptions } from '../../extractions/options.ts'
import type { Stores } from '../stores.ts'

export const INBOX = 'inbox-id' as FolderId
export const ARCHIVE = 'archive-id' as FolderId
const NO_USAGE = { requests: 0, retries: 0, throttledMs: 0 }

/** The stores of an empty database, which closing throws away. */
export interface OpenStores extends Stores, AsyncDisposable {
  /** Rows as SQL by hand reads them. */
  query(text: string): Promise<unknown[]>
}

/** A run of c1 that a worker has begun: its claim, its mailbox and the lane of the Inbox. */
export async function beginCopy(stores: Stores, asked: Partial<ExtractionOptions> = {}, userUpn = 'a@x.example') {
  const options = { ...DEFAULT_OPTIONS, ...asked }
  const connectionId = userUpn === 'a@x.example' ? 'c1' : userUpn
  await stores.extractions.submit({ ...aSubmission(connectionId, userUpn), options })
  const claimed = await stores.claims.claimNext()
  assert.ok(claimed)
  const { claim } = claimed
  const mailbox = await stores.messages.bindMailbox(claim, {
    objectId: userUpn === 'a@x.example' ? 'o1' : userUpn,
    userUpn,
  })
  assert.ok(mailbox !== 'busy')
  const lanes = await openInbox(stores, claim, mailbox, options)
  const [lane] = lanes
  assert.ok(lane)
  return {
    claim,
    mailbox,
    lane,
    lanes,
    anEmptyPage: AN_EMPTY_PAGE,
    save: (page: Partial<PageToSave>, into: Lane = lane) =>
      stores.messages.savePage(claim, mailbox, into, { ...AN_EMPTY_PAGE, ...page }),
    async storedIds() {
      const { items } = await stores.emails.listEmails(claim.extractionId, { limit: 1_000 })
      return items.map((email) => email.id).sort()
    },
    async extraction() {
      const extraction = await stores.extractions.findLatest(connectionId as ConnectionId)
      assert.ok(extraction)
      return extraction
    },
  }
}

export function openInbox(stores: Stores, claim: Claim, mailbox: MailboxKey, options: Partial<ExtractionOptions> = {}) {
  const folders = [aFolder(INBOX, 'Inbox'), aFolder(ARCHIVE, 'Archive')]
  return stores.messages.openLanes(claim, mailbox, {
    ...DEFAULT_OPTIONS,
    ...options,
    folders,
    isWalkedInFull: true,
    chosen: [INBOX, ARCHIVE],
  })
}

const AN_EMPTY_PAGE: PageToSave = {
  messages: [],
  patches: [],
  unchanged: [],
  skipped: [],
  removed: [],
  next: { at: 'page', link: 'https://graph/page' },
  askedAt: Date.parse('9999-12-31T23:59:59Z'), // after all that is stored
  usage: NO_USAGE,
  activeMs: 1,
}

export function aSubmission(connectionId: string, userUpn: string) {
  return {
    id: randomUUID() as ExtractionId,
    connectionId: connectionId as ConnectionId,
    userUpn,
    credentials: {},
    options: DEFAULT_OPTIONS,
  }
}

/** Starts a run of the connection, after the one before has ended. */
export function submit(stores: Stores, connectionId: string, userUpn: string) {
  return stores.extractions.submit(aSubmission(connectionId, userUpn))
}

export async function submitBatch(stores: Stores, userUpns: string[]): Promise<BatchId> {
  const id = `batch_${randomUUID()}` as BatchId
  await stores.extractions.submitBatch({
    id,
    source: { kind: 'users' },
    userUpns,
    exclude: [],
    credentials: {},
    options: DEFAULT_OPTIONS,
  })
  return id
}

export function aFolder(id: FolderId, path: string): Folder {
  return { id, parentId: null, displayName: path, path, isHidden: false, isRecoverable: false, totalItemCount: 10 }
}

export function aMessage(id: string, changes: Partial<KeptMessage> = {}): KeptMessage {
  return {
    id: id as MessageId,
    changeKey: 'k1',
    messageType: 'message',
    subject: 'A subject',
    body: '<p>A body</p>',
    bodyType: 'html',
    bodyText: null,
    bodyPreview: 'A body',
    importance: 'normal',
    conversationId: null,
    internetMessageId: `<${id}@x.example>`,
    createdDateTime: '2026-01-01T00:00:00Z',
    lastModifiedDateTime: '2026-01-01T00:00:00Z',
    receivedDateTime: '2026-01-01T00:00:00Z',
    sentDateTime: '2026-01-01T00:00:00Z',
    hasAttachments: false,
    mayHaveAttachments: false,
    isDraft: false,
    isRead: true,
    recipients: [],
    categories: [],
    flag: null,
    inferenceClassification: 'focused',
    webLink: null,
    internetMessageHeaders: null,
    ...changes,
  }
}

export function hasCode(code: string) {
  return (error: unknown) => error instanceof AppError && error.code === code
}
