import { createHash } from 'node:crypto'
import { AppError } from '../errors.ts'
import type { AppCredentials } from '../extractions/extraction.ts'

/** How an app proves to the login service who it is. A managed or workload identity would be one more kind. */
export type GraphAuth =
  | { kind: 'secret'; tenantId: string; clientId: string; clientSecret: string }
  | { kind: 'certificate'; tenantId: string; clientId: string; certificatePath: string; certificatePassword?: string }

/** What the settings give for what a request leaves out. */
export interface DefaultCredentials extends AppCredentials {
  /** PEM file with certificate and private key; used where there is no secret. */
  certificatePath?: string
  certificatePassword?: string
}

/** Completes what came with a request from the settings; throws `config_missing` naming everything that is still missing. */
export function completeCredentials(given: AppCredentials, defaults: DefaultCredentials): GraphAuth {
  const tenantId = given.tenantId || defaults.tenantId
  const clientId = given.clientId || defaults.clientId
  const clientSecret = given.clientSecret || defaults.clientSecret
  const { certificatePath, certificatePassword } = defaults

  if (tenantId && clientId && clientSecret) {
    return { kind: 'secret', tenantId: checkTenant(tenantId), clientId, clientSecret }
  }
  if (tenantId && clientId && certificatePath) {
    const password = certificatePassword ? { certificatePassword } : {}
    return { kind: 'certificate', tenantId: checkTenant(tenantId), clientId, certificatePath, ...password }
  }

  const missing = [
    !tenantId && 'the tenant id (TENANT_ID)',
    !clientId && 'the client id of the app (OUTLOOK_CLIENT_ID)',
    !clientSecret && !certificatePath && 'the client secret of the app (OUTLOOK_CLIENT_SECRET)',
  ].filter((word) => word !== false)
  throw new AppError('config_missing', `To read mail, the service needs ${missing.join(', ')}.`, { details: missing })
}

/** Tells apps and their secrets apart without holding a secret. */
export function authKey(auth: GraphAuth): string {
  const proof = auth.kind === 'secret' ? auth.clientSecret : auth.certificatePath
  const hash = createHash('sha256').update(proof).digest('base64url')
  return JSON.stringify([appKey(auth), auth.kind, hash])
}

/** Graph counts requests per app, whatever secret it logged in with. */
export function appKey(auth: GraphAuth): string {
  return `${auth.tenantId}/${auth.clientId}`.toLowerCase()
}

function checkTenant(tenantId: string): string {
  // A GUID or a domain; the aliases for "any tenant" make no sense for an app that logs in by itself.
  const isTenant = /^[A-Za-z0-9.-]+$/.test(tenantId) && !/^(common|organizations|consumers)$/i.test(tenantId)
  if (isTenant) return tenantId
  const message =
    'The tenant id is neither the id of a directory nor one of its domains. Take it from the app registration.'
  throw new AppError('tenant_not_found', message)
}
