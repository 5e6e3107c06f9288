import { type Kysely, sql, type Transaction } from 'kysely'
import type { Sha256 } from '../copying/blob-store.ts'
import type { ErasureStore } from '../copying/erase-mailbox.ts'
import type { MailboxKey } from '../copying/message-store.ts'
import { AppError } from '../errors.ts'
import { foldAddress } from '../extractions/addresses.ts'
import { EXTRACTION_STATUSES, isEnded } from '../extractions/extraction-status.ts'
import type { Database, Dialect } from './dialects/dialect.ts'
import type { Schema } from './schema.ts'
import { isReferredTo } from './sql-content-store.ts'

/** How the object id begins of a mailbox that is being erased: no user has one like it, so a new run of the same user makes a mailbox of its own. */
export const ERASED = 'erased '

const ACTIVE = EXTRACTION_STATUSES.filter((status) => !isEnded(status))

/** The tables of what is stored of a mailbox beside its messages, in an order that references allow. */
const TABLES = ['skipped_emails', 'walked_messages', 'ranges', 'lanes', 'folders'] as const

export class SqlErasureStore implements ErasureStore {
  readonly #db: Kysely<Schema>
  readonly #transact: Database['transact']
  readonly #dialect: Dialect

  constructor(database: Database) {
    this.#db = database.db
    this.#transact = database.transact
    this.#dialect = database.dialect
  }

  beginErasure(userUpn: string): Promise<MailboxKey | undefined> {
    return this.#transact(async (trx) => {
      const mailbox = await trx
        .selectFrom('mailboxes')
        .select(['id', 'object_id'])
        .where(sql`lower(user_upn)`, '=', foldAddress(userUpn))
        .executeTakeFirst()
      if (!mailbox) return undefined
      await lockMailbox(trx, mailbox)
      await refuseActive(trx, mailbox, userUpn)
      await trx
        .updateTable('mailboxes')
        .set({ object_id: `${ERASED}${mailbox.id}`, user_upn: '' })
        .where('id', '=', mailbox.id)
        .execute()
      await trx.updateTable('extractions').set({ mailbox_id: null }).where('mailbox_id', '=', mailbox.id).execute()
      return mailbox.id as MailboxKey
    })
  }

  async listErasures(): Promise<MailboxKey[]> {
    const rows = await this.#db.selectFrom('mailboxes').select('id').where('object_id', 'like', `${ERASED}%`).execute()
    return rows.map((row) => row.id as MailboxKey)
  }

  eraseMessages(mailbox: MailboxKey, limit: number, deleteBlob: (sha256: Sha256) => Promise<void>): Promise<boolean> {
    return this.#transact(async (trx) => {
      const rows = await trx
        .selectFrom('emails')
        .select('id')
        .where('mailbox_id', '=', mailbox)
        .orderBy('id')
        .limit(limit)
        .execute()
      const ids = rows.map((row) => row.id)
      const isOfOne = this.#dialect.oneOf('email_id', ids)
      const hashes = await hashesOf(trx, mailbox, isOfOne)
      for (const table of ['email_attachments', 'email_contents'] as const) {
        await trx.deleteFrom(table).where('mailbox_id', '=', mailbox).where(isOfOne).execute()
      }
      await trx.deleteFrom('emails').where('mailbox_id', '=', mailbox).where(this.#dialect.oneOf('id', ids)).execute()
      // In one order everywhere, so that two erasures never wait for each other.
      for (const sha256 of [...hashes].sort()) await freeBlob(trx, sha256, deleteBlob)
      return rows.length === limit
    })
  }

  async endErasure(mailbox: MailboxKey): Promise<void> {
    await this.#transact(async (trx) => {
      for (const table of TABLES) await trx.deleteFrom(table).where('mailbox_id', '=', mailbox).execute()
      await trx.deleteFrom('mailboxes').where('id', '=', mailbox).execute()
    })
  }
}

/** A run that is about to bind the mailbox waits, and then finds it gone; one that has done so is seen from here on. */
async function lockMailbox(trx: Transaction<Schema>, { id, object_id }: { id: number; object_id: string }) {
  await trx.updateTable('mailboxes').set({ object_id }).where('id', '=', id).execute()
}

async function refuseActive(
  trx: Transaction<Schema>,
  mailbox: { id: number; object_id: string },
  userUpn: string,
): Promise<void> {
  const active = await trx
    .selectFrom('extractions')
    .select(['connection_id', 'status'])
    .where((eb) =>
      eb.or([eb('mailbox_id', '=', mailbox.id), eb('mailbox_key', 'in', [mailbox.object_id, foldAddress(userUpn)])]),
    )
    .where('status', 'in', ACTIVE)
    .executeTakeFirst()
  if (!active) return
  throw new AppError(
    'extraction_active',
    `Connection "${active.connection_id}" is ${active.status.replace('_', ' ')}: cancel it first, then erase the mailbox`,
    { fields: { status: active.status } },
  )
}

async function hashesOf(
  trx: Transaction<Schema>,
  mailbox: MailboxKey,
  isOfOne: ReturnType<Dialect['oneOf']>,
): Promise<Set<Sha256>> {
  const attachments = await trx
    .selectFrom('email_attachments')
    .select('sha256')
    .where('mailbox_id', '=', mailbox)
    .where(isOfOne)
    .where('sha256', 'is not', null)
    .execute()
  const mimes = await trx
    .selectFrom('email_contents')
    .select('mime_sha256 as sha256')
    .where('mailbox_id', '=', mailbox)
    .where(isOfOne)
    .where('mime_sha256', 'is not', null)
    .execute()
  return new Set([...attachments, ...mimes].map(({ sha256 }) => sha256 as Sha256))
}

/**
 * The row is locked first: whoever is about to refer to the blob waits, and then finds it gone (SqlContentStore). Should the
 * process die between the deletion and the commit, the rows come back and the erasure is done once more.
 */
async function freeBlob(
  trx: Transaction<Schema>,
  sha256: Sha256,
  deleteBlob: (sha256: Sha256) => Promise<void>,
): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable('blobs')
    .set((eb) => ({ size: eb.ref('size') }))
    .where('sha256', '=', sha256)
    .executeTakeFirstOrThrow()
  // Another process that erases the same has freed it; whoever has put it again since is not to lose it.
  if (numUpdatedRows === 0n) return
  if (await isReferredTo(trx, sha256)) return
  await trx.deleteFrom('blobs').where('sha256', '=', sha256).execute()
  await deleteBlob(sha256)
}
