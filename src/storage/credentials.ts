import type { Kysely } from 'kysely'
import type { AppCredentials } from '../extractions/extraction.ts'
import type { Schema } from './schema.ts'
import type { SecretBox } from './secret-box.ts'

/** Keeps what a request brought of its Entra app, sealed and once per content. Null for what came wholly from the settings. */
export async function saveCredentials(
  db: Kysely<Schema>,
  box: SecretBox,
  credentials: AppCredentials,
  now: string,
): Promise<number | null> {
  if (Object.keys(credentials).length === 0) return null
  const { tenantId, clientId, clientSecret } = credentials
  const text = JSON.stringify({ tenantId, clientId, clientSecret })
  const fingerprint = box.fingerprint(text)

  const known = await db
    .selectFrom('credentials')
    .select('id')
    .where('fingerprint', '=', fingerprint)
    .executeTakeFirst()
  if (known) return known.id
  const added = await db
    .insertInto('credentials')
    .values({ fingerprint, sealed: box.seal(text), created_at: now })
    // Another process may have added the same since we looked: its row serves, and has to be changed to be returned.
    .onConflict((conflict) => conflict.column('fingerprint').doUpdateSet({ fingerprint }))
    .returning('id')
    .executeTakeFirstOrThrow()
  return added.id
}

/** Sealed, as they are kept; null for what comes wholly from the settings. */
export async function loadSealed(db: Kysely<Schema>, id: number | null): Promise<string | null> {
  if (id === null) return null
  const { sealed } = await db.selectFrom('credentials').select('sealed').where('id', '=', id).executeTakeFirstOrThrow()
  return sealed
}

/** Throws `secret_key_changed` where they were sealed under another key. */
export function openSealed(box: SecretBox, sealed: string | null): AppCredentials {
  return sealed === null ? {} : (JSON.parse(box.open(sealed)) as AppCredentials)
}
