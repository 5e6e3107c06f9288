import { AppError } from '../errors.ts'
import type { AppCredentials } from '../extractions/extraction.ts'
import type { StartBody } from './contract.ts'

/** Which of the three a login with `given` would still lack once the settings of the service are added. */
export type MissingCredentials = (given: AppCredentials) => readonly (keyof AppCredentials)[]

const NAMES: Record<keyof AppCredentials, { field: string; variable: string }> = {
  tenantId: { field: 'tenant_id', variable: 'TENANT_ID' },
  clientId: { field: 'outlook_client_id', variable: 'OUTLOOK_CLIENT_ID' },
  clientSecret: { field: 'outlook_client_secret', variable: 'OUTLOOK_CLIENT_SECRET' },
}

/** The credentials of a request, once it is sure that nothing is missing both there and in the environment. */
export function requireCredentials(config: StartBody['config'], missing: MissingCredentials): AppCredentials {
  const given = readCredentials(config)
  const lacking = missing(given).map((name) => NAMES[name])
  if (lacking.length === 0) return given
  throw new AppError(
    'config_missing',
    `The Entra app is not fully known: ${lacking.map(({ field }) => field).join(', ')} missing`,
    {
      details: lacking.map(
        ({ field, variable }) => `config.${field}: is neither in the request nor in the environment (${variable})`,
      ),
    },
  )
}

function readCredentials(config: StartBody['config'] = {}): AppCredentials {
  const { tenant_id, outlook_client_id, outlook_client_secret } = config
  return {
    ...(tenant_id !== undefined && { tenantId: tenant_id }),
    ...(outlook_client_id !== undefined && { clientId: outlook_client_id }),
    ...(outlook_client_secret !== undefined && { clientSecret: outlook_client_secret }),
  }
}
