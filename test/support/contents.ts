import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { Simulator } from '../../simulator/simulator.ts'
import { stored } from './copies.ts'
import type { Place } from './service.ts'

interface HeldAttachment {
  email_id: string
  attachment_id: string
  attachment_name: string | null
  kind: string
  content_id: string | null
  is_inline: number | boolean
  sha256: string | null
  content_size: number | string | null
}

interface HeldMime {
  email_id: string
  mime: string
  mime_sha256: string | null
  mime_error: string | null
}

/** Reads a blob's bytes; by default from the files below the folder. */
export type ReadBlob = (sha256: string) => AsyncIterable<Uint8Array>

/**
 * What is kept beside the messages equals the simulator's truth: every attachment with its properties, every byte by its
 * hash; read from the blob store itself, not from what the rows say of it. Answers how many were compared.
 */
export async function assertPerfectContents(
  simulator: Simulator,
  place: Place,
  mailbox: string,
  { mime = false, readBlob = filesOf(place) }: { mime?: boolean; readBlob?: ReadBlob } = {},
): Promise<{ attachments: number; mimes: number }> {
  const { live } = await stored(place, mailbox)
  const held = await heldContents(place, mailbox)
  const intact = new Set<string>()
  let attachments = 0
  let mimes = 0
  for await (const line of simulator.truthOfContents(mailbox)) {
    if (line.type !== 'message' || !live.has(line.id)) continue
    const rows = held.attachments.get(line.id) ?? []
    assert.deepEqual(
      rows.map(facts),
      line.attachments.map((wanted) => wantedFacts(wanted, place)),
      `attachments of ${line.id}`,
    )
    for (const { sha256 } of line.attachments) if (sha256) await assertIntact(sha256, readBlob, intact)
    attachments += rows.length
    if (!mime) continue
    const kept = held.mimes.get(line.id)
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
export async function storedContents(place: Place): Promise<number> {
  const [row] = await place.query<{ held: number | string }>(
    'select count(*) as held from email_attachments where sha256 is not null',
  )
  return Number(row?.held)
}

async function heldContents(place: Place, mailbox: string) {
  const ofMailbox = 'mailbox_id = (select id from mailboxes where lower(user_upn) = lower($1))'
  const attachments = await place.query<HeldAttachment>(
    `select * from email_attachments where ${ofMailbox} order by email_id, ordinal`,
    [mailbox],
  )
  const mimes = await place.query<HeldMime>(`select * from email_contents where ${ofMailbox}`, [mailbox])
  return {
    attachments: Map.groupBy(attachments, (row) => row.email_id),
    mimes: new Map(mimes.map((row) => [row.email_id, row])),
  }
}

function facts(row: HeldAttachment) {
  return {
    id: row.attachment_id,
    kind: row.kind,
    name: row.attachment_name,
    contentId: row.content_id,
    isInline: Boolean(row.is_inline),
    sha256: row.sha256,
    size: row.content_size === null ? null : Number(row.content_size),
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

function wantedFacts(wanted: WantedAttachment, place: Place): ReturnType<typeof facts> {
  return {
    id: wanted.id,
    kind: wanted.kind,
    name: wanted.name === null ? null : place.kept(wanted.name),
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

function filesOf(place: Place): ReadBlob {
  return (sha256) => createReadStream(join(place.path, 'blobs', sha256.slice(0, 2), sha256))
}
