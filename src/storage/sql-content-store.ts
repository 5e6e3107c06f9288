import { type Kysely, sql, type Transaction } from 'kysely'
import { type Clock, isoTime } from '../clock.ts'
import type { Attachment, AttachmentId } from '../copying/attachment.ts'
import type { Blob, Sha256 } from '../copying/blob-store.ts'
import {
  BlobGoneError,
  type ContentStore,
  type ContentWrite,
  type MissingContent,
  type PendingContent,
  type SavedListing,
  type SkippedPart,
} from '../copying/content-store.ts'
import type { FolderId } from '../copying/mailbox.ts'
import type { MessageId } from '../copying/message.ts'
import type { Lane, MailboxKey } from '../copying/message-store.ts'
import type { Claim } from '../extractions/extraction.ts'
import type { ExtractionStatus } from '../extractions/extraction-status.ts'
import { lockClaimed } from './claims.ts'
import { compiledOnce } from './compiled-once.ts'
import { ContentWrites, type Work } from './content-writes.ts'
import type { Database, Dialect } from './dialects/dialect.ts'
import { toLane } from './lanes.ts'
import { recordPart } from './ledger.ts'
import type { EmailAttachmentsTable, EmailContentsTable, Schema } from './schema.ts'
import { isSameTime, storableTime } from './times.ts'

/** Rows per statement: far below SQLite's 32,766 parameters (sqlite.org/limits.html). */
const ROWS_PER_INSERT = 500

type MessagePlace = Pick<ContentWrite, 'mailbox' | 'messageId'>

export class SqlContentStore implements ContentStore {
  readonly #db: Kysely<Schema>
  readonly #transact: Database['transact']
  readonly #writes: ContentWrites
  readonly #dialect: Dialect
  readonly #clock: Clock

  constructor(database: Database, clock: Clock) {
    this.#db = database.db
    this.#transact = database.transact
    this.#writes = new ContentWrites(database.transact)
    this.#dialect = database.dialect
    this.#clock = clock
  }

  async listPending(mailbox: MailboxKey, after: MessageId | undefined, limit: number): Promise<PendingContent[]> {
    const rows = await this.#db
      .selectFrom('email_contents')
      .innerJoin('emails', (join) =>
        join
          .onRef('emails.mailbox_id', '=', 'email_contents.mailbox_id')
          .onRef('emails.id', '=', 'email_contents.email_id'),
      )
      .select(['email_id', 'attachments_pending', 'mime_pending', 'emails.parent_folder_id'])
      .where('email_contents.mailbox_id', '=', mailbox)
      .where('pending', '=', this.#dialect.yes)
      .where('email_id', '>', after ?? '')
      .orderBy('email_id')
      .limit(limit)
      .execute()
    return rows.map((row) => ({
      messageId: row.email_id as MessageId,
      folderId: row.parent_folder_id as FolderId,
      attachments: row.attachments_pending,
      mime: row.mime_pending === 1,
    }))
  }

  missingContents(mailbox: MailboxKey, messageId: MessageId): Promise<MissingContent[]> {
    return missingOf(this.#db, mailbox, messageId)
  }

  async saveListing(write: ContentWrite, attachments: readonly Attachment[]): Promise<SavedListing> {
    let missing: EmailAttachmentsTable[] = []
    const status = await this.#write(write, async (trx) => {
      const { mailbox, messageId } = write
      const [{ rows: before }, pending] = await Promise.all([
        attachmentsOf(trx, { mailbox, messageId }),
        pendingOf(trx, { mailbox, messageId }),
      ])
      const counted =
        pending.rows[0]?.attachments_pending === 'content' ? (await missingOf(trx, mailbox, messageId)).length : 0
      if (before.length > 0)
        await trx
          .deleteFrom('email_attachments')
          .where('mailbox_id', '=', mailbox)
          .where('email_id', '=', messageId)
          .execute()
      await reopenListed(trx, write, attachments)
      const rows = attachments.map((attachment, ordinal) => toRow(write, attachment, ordinal, before))
      for (let first = 0; first < rows.length; first += ROWS_PER_INSERT) {
        const some = rows.slice(first, first + ROWS_PER_INSERT)
        await trx.insertInto('email_attachments').values(some).execute()
      }

      missing = rows.filter(isMissing) // all of them: what stood in the ledger is tried again
      await setListed(trx, { mailbox, messageId })
      return { attachments_total: (write.wanted === 'content' ? missing.length : 0) - counted }
    })
    return { status, missing: missing.map(toMissing) }
  }

  saveContent(write: ContentWrite, attachment: AttachmentId, blob: Blob, isThere: () => Promise<boolean>) {
    return this.#write(
      write,
      async (trx) => {
        const bytes = await this.#referTo(trx, blob, isThere)
        const { mailbox, messageId } = write
        const { numAffectedRows } = await setContent(trx, { mailbox, messageId, attachment, ...blob })
        await clearPart(trx, { mailbox, messageId, part: attachment })
        return { attachments_stored: Number(numAffectedRows ?? 0), bytes_stored: bytes }
      },
      blob.sha256,
    )
  }

  saveMime(write: ContentWrite, blob: Blob, isThere: () => Promise<boolean>) {
    return this.#write(
      write,
      async (trx) => {
        const bytes = await this.#referTo(trx, blob, isThere)
        const mime = { mime: 'stored', mime_sha256: blob.sha256, mime_size: blob.size, mime_error: null } as const
        await updateContents(trx, write, { ...mime, mime_pending: 0 })
        return { bytes_stored: bytes }
      },
      blob.sha256,
    )
  }

  saveMimeFailure(write: ContentWrite, code: string) {
    return this.#write(write, async (trx) => {
      await updateContents(trx, write, { mime: 'failed', mime_error: code, mime_pending: 0 })
      return {}
    })
  }

  savePartSkipped(write: ContentWrite, { part, code, reason }: SkippedPart) {
    return this.#write(write, async (trx) => {
      await recordPart(trx, write, { part, code, reason }, isoTime(this.#clock.now()))
      // One attachment was counted when it was listed; where they could not be listed, nothing was.
      return part === 'attachments' ? { attachments_total: 1, attachments_skipped: 1 } : { attachments_skipped: 1 }
    })
  }

  saveDone(write: ContentWrite) {
    return this.#write({ ...write, completes: true }, async () => ({}))
  }

  reopenSkipped(claim: Claim, mailbox: MailboxKey): Promise<Lane[]> {
    return this.#transact(async (trx) => {
      await lockClaimed(trx, claim)
      const skipped = trx
        .selectFrom('skipped_emails')
        .select('message_id')
        .where('mailbox_id', '=', mailbox)
        .where('part', '<>', '')
      await trx
        .updateTable('email_contents')
        .set({ attachments_pending: 'listing', pending: 1 })
        .where('mailbox_id', '=', mailbox)
        .where('email_id', 'in', skipped)
        .execute()
      const lanes = await trx.selectFrom('lanes').selectAll().where('mailbox_id', '=', mailbox).execute()
      return lanes.map(toLane)
    })
  }

  #write(write: ContentWrite, work: Work['run'], blob?: Sha256): Promise<ExtractionStatus> {
    const run = async (trx: Transaction<Schema>) => {
      const amounts = await work(trx)
      if (write.completes) {
        const { mailbox, messageId, wanted } = write
        await markDone(trx, { mailbox, messageId, held: wanted === 'content' ? 'content' : 'metadata' })
      }
      return amounts
    }
    return this.#writes.save({ write, run, ...(blob !== undefined && { blob }) })
  }

  /** Locks the blob's row, so that nobody frees it before the reference is there. Answers the bytes that are new. */
  async #referTo(trx: Transaction<Schema>, { sha256, size }: Blob, isThere: () => Promise<boolean>): Promise<number> {
    await lockBlob(trx, { sha256, size })
    if (!(await isThere())) throw new BlobGoneError('The blob was freed before it was referred to')
    return (await isReferredTo(trx, sha256)) ? 0 : size
  }
}

const lockBlob = compiledOnce((db, { sha256, size }: Blob) =>
  db
    .insertInto('blobs')
    .values({ sha256, size })
    .onConflict((conflict) => conflict.column('sha256').doUpdateSet({ size })),
)

/** What was listed is held as far as this run wanted it; what was not listed keeps its level, for a later run. */
const markDone = compiledOnce((db, { mailbox, messageId, held }: MessagePlace & { held: 'content' | 'metadata' }) =>
  db
    .updateTable('email_contents')
    .set({
      attachments: sql`case when attachments_pending = 'nothing' then attachments else ${held} end`,
      attachments_pending: 'nothing',
      mime_pending: 0,
      pending: 0,
    })
    .where('mailbox_id', '=', mailbox)
    .where('email_id', '=', messageId),
)

/** Whether any attachment or MIME of any mailbox is kept under this hash. */
export async function isReferredTo(db: Kysely<Schema>, sha256: string): Promise<boolean> {
  const { rows } = await sql<{ known: boolean | number }>`
    select exists (select 1 from email_attachments where sha256 = ${sha256})
      or exists (select 1 from email_contents where mime_sha256 = ${sha256}) as known`.execute(db)
  return Boolean(rows[0]?.known)
}

async function missingOf(db: Kysely<Schema>, mailbox: MailboxKey, messageId: MessageId): Promise<MissingContent[]> {
  const rows = await db
    .selectFrom('email_attachments')
    .select(['attachment_id', 'kind', 'size'])
    .where('mailbox_id', '=', mailbox)
    .where('email_id', '=', messageId)
    .where('kind', '<>', 'reference')
    .where('sha256', 'is', null)
    .where('attachment_id', 'not in', (eb) =>
      eb
        .selectFrom('skipped_emails')
        .select('part')
        .where('mailbox_id', '=', mailbox)
        .where('message_id', '=', messageId)
        .where('reopened', '=', 0),
    )
    .orderBy('ordinal')
    .execute()
  return rows.map(toMissing)
}

function toMissing({ attachment_id, kind, size }: Pick<EmailAttachmentsTable, 'attachment_id' | 'kind' | 'size'>) {
  return { id: attachment_id as AttachmentId, kind, size }
}

const attachmentsOf = compiledOnce((db, { mailbox, messageId }: MessagePlace) =>
  db.selectFrom('email_attachments').selectAll().where('mailbox_id', '=', mailbox).where('email_id', '=', messageId),
)

const pendingOf = compiledOnce((db, { mailbox, messageId }: MessagePlace) =>
  db
    .selectFrom('email_contents')
    .select('attachments_pending')
    .where('mailbox_id', '=', mailbox)
    .where('email_id', '=', messageId),
)

const partsOf = compiledOnce((db, { mailbox, messageId }: MessagePlace) =>
  db
    .selectFrom('skipped_emails')
    .select('part')
    .where('mailbox_id', '=', mailbox)
    .where('message_id', '=', messageId)
    .where('part', '<>', ''),
)

/** What is still listed is tried again; what is not, and that nothing could be listed, leaves the ledger. */
async function reopenListed(
  trx: Transaction<Schema>,
  { mailbox, messageId }: ContentWrite,
  attachments: readonly Attachment[],
): Promise<void> {
  const listed = new Set<string>(attachments.map(({ id }) => id))
  const { rows: parts } = await partsOf(trx, { mailbox, messageId })
  for (const { part } of parts) {
    if (listed.has(part)) {
      await trx
        .updateTable('skipped_emails')
        .set({ reopened: 1 })
        .where('mailbox_id', '=', mailbox)
        .where('message_id', '=', messageId)
        .where('part', '=', part)
        .execute()
    } else await clearPart(trx, { mailbox, messageId, part })
  }
}

const clearPart = compiledOnce((db, { mailbox, messageId, part }: MessagePlace & { part: string }) =>
  db
    .deleteFrom('skipped_emails')
    .where('mailbox_id', '=', mailbox)
    .where('message_id', '=', messageId)
    .where('part', '=', part),
)

const setContent = compiledOnce(
  (db, { mailbox, messageId, attachment, sha256, size }: MessagePlace & Blob & { attachment: AttachmentId }) =>
    db
      .updateTable('email_attachments')
      .set({ sha256, content_size: size })
      .where('mailbox_id', '=', mailbox)
      .where('email_id', '=', messageId)
      .where('attachment_id', '=', attachment),
)

const setListed = compiledOnce((db, { mailbox, messageId }: MessagePlace) =>
  db
    .updateTable('email_contents')
    .set({ attachments: 'metadata', attachments_pending: 'content', pending: 1 })
    .where('mailbox_id', '=', mailbox)
    .where('email_id', '=', messageId),
)

function isMissing({ kind, sha256 }: EmailAttachmentsTable): boolean {
  return kind !== 'reference' && sha256 === null
}

function updateContents(
  trx: Transaction<Schema>,
  { mailbox, messageId }: ContentWrite,
  changes: Partial<EmailContentsTable>,
) {
  return trx
    .updateTable('email_contents')
    .set(changes)
    .where('mailbox_id', '=', mailbox)
    .where('email_id', '=', messageId)
    .execute()
}

/** The content of an attachment that was known before stays where id, size and time, or name, size and time, are the same. */
function toRow(
  { mailbox, messageId }: ContentWrite,
  attachment: Attachment,
  ordinal: number,
  before: readonly EmailAttachmentsTable[],
): EmailAttachmentsTable {
  const isSame = (row: EmailAttachmentsTable) =>
    row.size === attachment.size && isSameTime(row.last_modified_date_time, attachment.lastModifiedDateTime)
  const known =
    before.find((row) => row.attachment_id === attachment.id && isSame(row)) ??
    before.find((row) => row.attachment_name === attachment.name && row.ordinal === ordinal && isSame(row))
  return {
    mailbox_id: mailbox,
    email_id: messageId,
    ordinal,
    attachment_id: attachment.id,
    attachment_name: attachment.name,
    content_type: attachment.contentType,
    size: attachment.size,
    is_inline: Number(attachment.isInline),
    content_id: attachment.contentId,
    kind: attachment.kind,
    last_modified_date_time: storableTime(attachment.lastModifiedDateTime),
    sha256: known?.sha256 ?? null,
    content_size: known?.content_size ?? null,
  }
}
