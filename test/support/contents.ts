import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import SqliteHandle from 'better-sqlite3'
import type { Simulator } from '../../simulator/simulator.ts'
import { stored } from './copies.ts'
import type { TempFolder } from './service.ts'

export interface HeldAttachment {
  email_id: string
  attachment_id: string
  attachment_name: string | null
  kind: string
  content_id: string | null
  is_inline: number
  sha256: string | null
  content_size: number | null
}

interface HeldMime {
  email_id: string
  mime: string
  mime_sha256: string | null
  mime_error: string | null
}

/** Reads a blob's bytes; by default from the files below the folder. */
export type ReadBlob = (sha256: string) => AsyncIterable<Uint8Array>

/** What is kept beside the messages of one mailbox that are stored. */
export interface HeldContents {
  live: Pick<ReadonlySet<string>, 'has'>
  /** In their order. */
  attachments: readonly HeldAttachment[]
  mimes: readonly HeldMime[]
}

/**
 * What is kept beside the messages equals the simulator's truth: every attachment with its properties, every byte by its
 * hash; read from the blob store itself, not from what the rows say of it. Answers how many were compared.
 */
export function assertPerfectContents(
  simulator: Simulator,
  folder: TempFolder,
  mailbox: string,
  { mime = false, readBlob = filesOf(folder) }: { mime?: boolean; readBlob?: ReadBlob } = {},
): Promise<{ attachments: number; mimes: number }> {
  const { live } = stored(folder, mailbox)
  return assertHoldsContents({ live, ...heldContents(folder, mailbox) }, simulator, mailbox, { mime, readBlob })
}

/** The same of rows, wherever they were read. */
export async function assertHoldsContents(
  held: HeldContents,
  simulator: Simulator,
  mailbox: string,
  { mime, readBlob }: { mime: boolean; readBlob: ReadBlob },
): Promise<{ attachments: number; mimes: number }> {
  const heldAttachments = Map.groupBy(held.attachments, (row) => row.email_id)
  const heldMimes = new Map(held.mimes.map((row) => [row.email_id, row]))
  const intact = new Set<string>()
  let attachments = 0
  let mimes = 0
  for await (const line of simulator.truthOfContents(mailbox)) {
    if (line.type !== 'message' || !held.live.has(line.id)) continue
    const rows = heldAttachments.get(line.id) ?? []
    assert.deepEqual(rows.map(facts), line.attachments.map(wantedFacts), `attachments of ${line.id}`)
    for (const { sha256 } of line.attachments) if (sha256) await assertIntact(sha256, readBlob, intact)
    attachments += rows.length
    if (!mime) continue
    const kept = heldMimes.get(line.id)
    const wanted =
      'error' in line.mime ? { sha256: null, error: line.mime.error } : { sha256: line.mime.sha256, error: null }
    assert.deepEqual(
      { sha256: kept?.mime_sha256 ?? null, error: kept?.mime_error ?? null },
      wanted,
      `MIME of ${line.id}`,
    )
    if (wanted.sha256) await assertIntact(wanted.sha256, readBlob, intact)
    mimes++
  }
  return { attachments, mimes }
}

/** How many attachments are stored with their bytes, of all mailboxes. */
export function storedContents(folder: TempFolder): number {
  const database = new SqliteHandle(folder.database, { readonly: true })
  try {
    return database.prepare('select count(*) from email_attachments where sha256 is not null').pluck().get() as number
  } finally {
    database.close()
  }
}

function heldContents(folder: TempFolder, mailbox: string): Omit<HeldContents, 'live'> {
  const database = new SqliteHandle(folder.database, { readonly: true })
  try {
    const ofMailbox = 'mailbox_id = (select id from mailboxes where lower(user_upn) = lower(?))'
    const attachments = database
      .prepare(`select * from email_attachments where ${ofMailbox} order by email_id, ordinal`)
      .all(mailbox) as HeldAttachment[]
    const mimes = database.prepare(`select * from email_contents where ${ofMailbox}`).all(mailbox) as HeldMime[]
    return { attachments, mimes }
  } finally {
    database.close()
  }
}

function facts(row: HeldAttachment) {
  return {
    id: row.attachment_id,
    kind: row.kind,
    name: row.attachment_name,
    contentId: row.content_id,
    isInline: row.is_inline === 1,
    sha256: row.sha256,
    size: row.content_size,
  }
}

type WantedAttachment = {
  id: string
  kind: string
  name: string | null
  content_id: string | null
  is_inline: boolean
  sha256: string | null
  content_size: number | null
}

function wantedFacts(wanted: WantedAttachment): ReturnType<typeof facts> {
  return {
    id: wanted.id,
    kind: wanted.kind,
    name: wanted.name?.toWellFormed() ?? null, // half a surrogate pair has no UTF-8; U+FFFD stands for it
    contentId: wanted.content_id,
    isInline: wanted.is_inline,
    sha256: wanted.sha256,
    size: wanted.content_size,
  }
}

async function assertIntact(sha256: string, readBlob: ReadBlob, intact: Set<string>): Promise<void> {
  if (intact.has(sha256)) return
  const hash = createHash('sha256')
  for await (const chunk of readBlob(sha256)) hash.update(chunk)
  assert.equal(hash.digest('hex'), sha256)
  intact.add(sha256)
}

export function filesOf(folder: TempFolder): ReadBlob {
  return (sha256) => createReadStream(join(folder.path, 'blobs', sha256.slice(0, 2), sha256))
}
