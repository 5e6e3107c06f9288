import assert from 'node:assert/strict'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import type { AttachmentId } from '../copying/attachment.ts'
import type { Blob } from '../copying/blob-store.ts'
import type { MessageId } from '../copying/message.ts'
import type { ContentsReport, FolderReport, LedgerEntry, LedgerPosition, ReportReader } from '../copying/report.ts'
import type { EmailPosition, EmailReader, StoredContent, StoredEmail } from '../copying/stored-email.ts'
import { MemoryBlobStore } from '../copying/testing/memory-blob-store.ts'
import { AppError } from '../errors.ts'
import { foldAddress } from '../extractions/addresses.ts'
import type { Batch, BatchWish } from '../extractions/batch.ts'
import {
  type BatchId,
  type ConnectionId,
  type Extraction,
  type ExtractionId,
  NO_PROGRESS,
  type Progress,
} from '../extractions/extraction.ts'
import { ExtractionCommands, neverStarted } from '../extractions/extraction-commands.ts'
import {
  EXTRACTION_STATUSES,
  type ExtractionEvent,
  type ExtractionStatus,
  isEnded,
  moveRefused,
  nextStatus,
} from '../extractions/extraction-status.ts'
import type { ExtractionStore, MemberQuery, NewBatch, NewExtraction, Slice } from '../extractions/extraction-store.ts'
import type { JobEngine } from '../extractions/job-engine.ts'
import { buildServer, type ServerDeps } from './server.ts'

const NOW = '2026-01-31T08:15:00.000Z'

type BatchRow = Pick<Batch, 'id' | 'source' | 'wish'> & { members: Extraction[] }

/** The store, in memory: as strict about moves as one in SQL. */
export class MemoryExtractions implements ExtractionStore {
  readonly rows: Extraction[] = []
  readonly submitted: NewExtraction[] = []
  readonly batches = new Map<BatchId, BatchRow>()
  readonly submittedBatches: NewBatch[] = []
  readonly memberQueries: MemberQuery[] = []

  async submit(request: NewExtraction): Promise<Extraction> {
    const latest = await this.findLatest(request.connectionId)
    if (latest && foldAddress(latest.userUpn) !== foldAddress(request.userUpn)) {
      throw new AppError('connection_bound', `Connection "${request.connectionId}" belongs to another mailbox`)
    }
    if (latest && !isEnded(latest.status)) {
      throw new AppError('extraction_active', 'Extraction already in progress', { fields: { status: latest.status } })
    }
    this.submitted.push(request)
    return this.add(request, null)
  }

  async resubmitForSkipped(connectionId: ConnectionId, id: ExtractionId): Promise<Extraction> {
    const latest = await this.findLatest(connectionId)
    if (!latest) throw neverStarted(connectionId)
    if (!isEnded(latest.status)) {
      throw new AppError('extraction_active', 'Extraction already in progress', { fields: { status: latest.status } })
    }
    return this.add({ ...latest, id, options: { ...latest.options, only: 'skipped' } }, null)
  }

  add(
    request: Pick<NewExtraction, 'id' | 'connectionId' | 'userUpn' | 'options'>,
    batchId: BatchId | null,
  ): Extraction {
    const { id, connectionId, userUpn, options } = request
    const life = {
      createdAt: NOW,
      startedAt: null,
      completedAt: null,
      error: null,
      waitingFor: null,
      progress: NO_PROGRESS,
      messagesUnlisted: null,
    }
    const row: Extraction = { id, connectionId, batchId, userUpn, status: 'queued', options, ...life }
    this.rows.push(row)
    return row
  }

  async findLatest(connectionId: ConnectionId): Promise<Extraction | undefined> {
    return this.rows.findLast((row) => row.connectionId === connectionId)
  }

  async move(id: ExtractionId, event: ExtractionEvent): Promise<Extraction> {
    const row = this.rows.find((candidate) => candidate.id === id)
    if (!row) throw new AppError('extraction_not_found', 'There is no such extraction')
    const status = nextStatus(row.status, event)
    if (!status) throw moveRefused(row.status, event)
    return this.#become(row, status)
  }

  /** Puts the latest extraction of a connection into a status, whatever it was. */
  force(connectionId: string, status: ExtractionStatus, more: Partial<Extraction> = {}): void {
    const row = this.rows.findLast((candidate) => candidate.connectionId === connectionId)
    if (row) Object.assign(this.#become(row, status), more)
  }

  #become(row: Extraction, status: ExtractionStatus): Extraction {
    row.status = status
    row.startedAt ??= status === 'queued' ? null : NOW
    row.completedAt = isEnded(status) ? NOW : null
    return row
  }

  async submitBatch(batch: NewBatch): Promise<void> {
    this.submittedBatches.push(batch)
    const members = batch.userUpns.map((userUpn) => {
      const connectionId = `${batch.id}:${userUpn}` as ConnectionId
      return this.add({ ...batch, id: `x-${connectionId}` as ExtractionId, connectionId, userUpn }, batch.id)
    })
    this.batches.set(batch.id, { id: batch.id, source: batch.source, wish: 'run', members })
  }

  async findBatch(id: BatchId): Promise<Batch | undefined> {
    const batch = this.batches.get(id)
    if (!batch) return undefined
    const { members, ...row } = batch
    const counts = Object.fromEntries(
      EXTRACTION_STATUSES.map((status) => [status, members.filter((member) => member.status === status).length]),
    ) as Batch['counts']
    const ended = members.every((member) => isEnded(member.status))
    return {
      ...row,
      listed: row.source.kind === 'users',
      createdAt: NOW,
      startedAt: counts.queued === members.length ? null : NOW,
      completedAt: ended ? NOW : null,
      error: null,
      counts,
      begunUsers: members.length - counts.queued,
      progress: sum(members.map(({ progress }) => progress)),
    }
  }

  async moveBatch(id: BatchId, event: ExtractionEvent, wish: BatchWish, from: readonly ExtractionStatus[]) {
    const batch = this.batches.get(id)
    if (!batch) return
    batch.wish = wish
    for (const member of batch.members.filter(({ status }) => from.includes(status))) {
      const status = nextStatus(member.status, event)
      if (status) this.#become(member, status)
    }
  }

  async listMembers(id: BatchId, query: MemberQuery): Promise<Slice<Extraction, number>> {
    this.memberQueries.push(query)
    const members = (this.batches.get(id)?.members ?? [])
      .map((member, position) => ({ member, position }))
      .filter(
        ({ member, position }) => position > (query.after ?? -1) && member.status === (query.status ?? member.status),
      )
    const page = members.slice(0, query.limit)
    const next = members.length > page.length ? (page.at(-1)?.position ?? null) : null
    return { items: page.map(({ member }) => member), next }
  }
}

function sum(all: readonly Progress[]): Progress {
  const total = { ...NO_PROGRESS }
  for (const progress of all) {
    for (const name of Object.keys(total) as (keyof Progress)[]) total[name] += progress[name]
  }
  return total
}

/** A mailbox of made-up mail, newest first, that remembers what was asked of it. */
export class MemoryEmails implements EmailReader {
  count = 0
  bodyCharacters = 20
  /** Contents by message and attachment id; MIME by message id. */
  readonly contents = new Map<string, StoredContent>()
  readonly forgotten: Blob[] = []
  failAtSlice = Infinity
  readonly queries: { limit: number; after?: EmailPosition | undefined }[] = []

  async countEmails(): Promise<number> {
    return this.count
  }

  async listEmails(_extraction: ExtractionId, query: { limit: number; after?: EmailPosition | undefined }) {
    this.queries.push(query)
    if (this.queries.length >= this.failAtSlice) throw new AppError('database_unavailable', 'The database is away')
    const last = query.after?.row ?? this.count + 1
    const rows = Array.from({ length: Math.min(query.limit, last - 1) }, (_, index) => last - 1 - index)
    const row = rows.at(-1) ?? 1
    const items = rows.map((number) => anEmail(number, this.bodyCharacters))
    return { items, next: row > 1 ? { receivedDateTime: receivedAt(row), row } : null }
  }

  async findEmail(message: MessageId): Promise<StoredEmail | undefined> {
    const row = Number(message.slice(1))
    return row <= this.count ? anEmail(row, this.bodyCharacters) : undefined
  }

  async findAttachment(message: MessageId, attachment: AttachmentId): Promise<StoredContent | undefined> {
    return this.contents.get(`${message} ${attachment}`)
  }

  async findMime(message: MessageId): Promise<StoredContent | undefined> {
    return this.contents.get(message)
  }

  async forgetBlob(blob: Blob): Promise<void> {
    this.forgotten.push(blob)
  }
}

/** Folders and a ledger as the test sets them. */
export class MemoryReports implements ReportReader {
  folders: FolderReport[] = []
  ledger: LedgerEntry[] = []
  contents: ContentsReport = { pending: 0, inLedger: 0 }

  async reportFolders(): Promise<FolderReport[]> {
    return this.folders
  }

  async listLedger(_: ExtractionId, { limit, after }: { limit: number; after?: LedgerPosition | undefined }) {
    const left = this.ledger.filter((entry) => !after || keyOf(entry) > keyOf(after))
    const items = left.slice(0, limit)
    return { items, next: left.length > limit ? (items.at(-1) ?? null) : null }
  }

  async reportContents(): Promise<ContentsReport> {
    return this.contents
  }
}

function keyOf({ messageId, part }: LedgerPosition): string {
  return `${messageId} ${part}`
}

function receivedAt(row: number): string {
  return new Date(Date.UTC(2026, 0, 1) + row * 1000).toISOString()
}

export function anEmail(row: number, bodyCharacters = 20): StoredEmail {
  return {
    id: `m${row}`,
    user_upn: 'user@example.com',
    subject: `Mail "${row}" ✉`,
    body: 'x'.repeat(bodyCharacters),
    body_preview: 'x',
    importance: 'normal',
    conversation_id: 'c1',
    created_date_time: receivedAt(row),
    received_date_time: receivedAt(row),
    sent_date_time: receivedAt(row),
    has_attachments: false,
    is_draft: false,
    is_read: true,
    parent_folder_id: 'f1',
    folder_name: 'Inbox',
    recipients: [{ recipient_type: 'from', email_address: 'a@example.com', name: 'A' }],
    folder_path: 'Inbox',
    internet_message_id: `<${row}@example.com>`,
    body_type: 'html',
    body_text: null,
    categories: [],
    flag: null,
    inference_classification: 'focused',
    change_key: 'k',
    web_link: null,
    internet_message_headers: null,
    message_type: 'message',
    removed_at: null,
    attachments: [],
    mime: null,
    mime_error: null,
  }
}

/** The API on top of memory, with every credential set in the environment unless said otherwise. */
export function aServer(overrides: Partial<ServerDeps> = {}) {
  const extractions = new MemoryExtractions()
  const emails = new MemoryEmails()
  const reports = new MemoryReports()
  const blobs = new MemoryBlobStore()
  const engine = { wakes: 0, start: async () => {}, wake: () => void engine.wakes++, stop: async () => {} }
  const commands = new ExtractionCommands(extractions, engine satisfies JobEngine)
  const server = buildServer({
    commands,
    extractions,
    emails,
    blobs,
    eraseMailbox: async (userUpn) => userUpn === 'user@example.com',
    reports,
    missingCredentials: () => [],
    checkReady: async () => {},
    version: '1.2.3',
    ...overrides,
  })
  return { server, extractions, emails, blobs, reports, engine, commands }
}

/** Fails unless a body is what the contract says of it. */
export function assertFits(schema: TSchema, body: unknown): void {
  const [problem] = Value.Errors(schema, body)
  assert.equal(problem, undefined, `${problem?.instancePath} ${problem?.message}`)
}
