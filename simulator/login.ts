import { type Answer, json } from './answer.ts'
import { guidOf } from './random.ts'
import type { Tokens } from './tokens.ts'

/** An app registration. `mail: false` gets tokens, but no mail: nobody has consented. */
export interface App {
  clientId: string
  secret: string
  name: string
  mail: boolean
  disabled?: boolean
}

export const DEMO_TENANT = guidOf('tenant contoso')
export const DEMO_APP: App = {
  clientId: guidOf('app demo'),
  secret: 'demo~Secret-of.the_simulator',
  name: 'outlookmail demo',
  mail: true,
}
/** The values that stand in examples. */
const EXAMPLE_TENANT = 'your_tenant_id'
const EXAMPLE_APP: App = { clientId: 'your_client_id', secret: 'your_client_secret', name: 'example', mail: true }
export const APP_WITHOUT_CONSENT: App = {
  clientId: guidOf('app without consent'),
  secret: 'no~consent',
  name: 'without consent',
  mail: false,
}
export const DISABLED_APP: App = {
  clientId: guidOf('app disabled'),
  secret: 'dis~abled',
  name: 'disabled',
  mail: true,
  disabled: true,
}
/** Sent as the secret of any app, it is refused as one that has expired. */
export const EXPIRED_SECRET = 'expired_secret'

const APPS = [DEMO_APP, EXAMPLE_APP, APP_WITHOUT_CONSENT, DISABLED_APP]
const TENANTS: readonly string[] = [DEMO_TENANT, EXAMPLE_TENANT, 'contoso.example']

export function findApp(clientId: string): App | undefined {
  return APPS.find((app) => app.clientId === clientId)
}

interface LoginError {
  status: number
  error: string
  code: number
  text: string
}

export class Login {
  private errors = 0

  private readonly tokens: Tokens
  private readonly origin: string
  private readonly now: () => number

  constructor(tokens: Tokens, origin: string, now: () => number) {
    this.tokens = tokens
    this.origin = origin
    this.now = now
  }

  token(tenant: string, body: string, headers: Record<string, string>): Answer {
    const form = new URLSearchParams(body)
    const { clientId, secret } = credentialsOf(form, headers.authorization)
    const refusal = this.refusalOf(tenant, clientId, secret, form)
    if (refusal) return this.errorAnswer(refusal, headers['client-request-id'])
    const lifetime = this.tokens.lifetimeSeconds
    const token = this.tokens.issue(tenant, clientId)
    return json({ token_type: 'Bearer', expires_in: lifetime, ext_expires_in: lifetime, access_token: token }, NO_STORE)
  }

  openIdConfiguration(tenant: string): Answer {
    const unknown = this.tenantRefusal(tenant)
    if (unknown) return this.errorAnswer(unknown, undefined)
    const base = `${this.origin}/${tenant}`
    return json({
      issuer: `${base}/v2.0`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      end_session_endpoint: `${base}/oauth2/v2.0/logout`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'tid'],
    })
  }

  discovery(): Answer {
    const host = new URL(this.origin).host
    return json({
      tenant_discovery_endpoint: `${this.origin}/${DEMO_TENANT}/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1',
      metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
    })
  }

  private tenantRefusal(tenant: string): LoginError | undefined {
    if (TENANTS.includes(tenant.toLowerCase())) return undefined
    return {
      status: 400,
      error: 'invalid_request',
      code: 90002,
      text: `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`,
    }
  }

  private refusalOf(
    tenant: string,
    clientId: string,
    secret: string | undefined,
    form: URLSearchParams,
  ): LoginError | undefined {
    const grant = form.get('grant_type')
    if (!grant)
      return {
        status: 400,
        error: 'invalid_request',
        code: 9002313,
        text: 'Invalid request. Request is malformed or invalid.',
      }
    if (grant !== 'client_credentials')
      return {
        status: 400,
        error: 'unsupported_grant_type',
        code: 70003,
        text: `The app requested an unsupported grant type '${grant}'.`,
      }
    const scopes = (form.get('scope') ?? '')
      .split(/\s+/)
      .filter((scope) => scope !== '' && !['openid', 'profile', 'offline_access'].includes(scope))
    if (scopes.length === 0)
      return {
        status: 400,
        error: 'invalid_scope',
        code: 70011,
        text: "The provided value for the input parameter 'scope' is not valid.",
      }
    if (scopes.length > 1)
      return {
        status: 400,
        error: 'invalid_scope',
        code: 70011,
        text: `The provided request must include a 'scope' input parameter. The scope '${scopes.join(' ')}' is not valid.`,
      }
    const unknownTenant = this.tenantRefusal(tenant)
    if (unknownTenant) return unknownTenant
    const scope = scopes[0] ?? ''
    if (!scope.endsWith('/.default'))
      return {
        status: 400,
        error: 'invalid_scope',
        code: 1002012,
        text: `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.`,
      }
    const resource = scope.slice(0, -'/.default'.length)
    if (!/^https:\/\/graph\.microsoft\.com\/?$/.test(resource) && resource.replace(/\/$/, '') !== this.origin) {
      return {
        status: 400,
        error: 'invalid_resource',
        code: 500011,
        text: `The resource principal named ${resource} was not found in the tenant named ${tenant}.`,
      }
    }
    const app = findApp(clientId)
    if (!app)
      return {
        status: 400,
        error: 'unauthorized_client',
        code: 700016,
        text: `Application with identifier '${clientId}' was not found in the directory '${tenant}'.`,
      }
    if (app.disabled)
      return {
        status: 401,
        error: 'invalid_client',
        code: 7000112,
        text: `Application '${clientId}'(${app.name}) is disabled.`,
      }
    return secretRefusal(app, secret, form.get('client_assertion'))
  }

  private errorAnswer({ status, error, code, text }: LoginError, correlationId: string | undefined): Answer {
    const timestamp = `${new Date(this.now()).toISOString().slice(0, 19).replace('T', ' ')}Z`
    const trace = guidOf(`login error ${++this.errors}`)
    const correlation = correlationId ?? guidOf(`login correlation ${this.errors}`)
    return {
      status,
      headers: NO_STORE,
      body: {
        error,
        error_description: `AADSTS${code}: ${text} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
        error_codes: [code],
        timestamp,
        trace_id: trace,
        correlation_id: correlation,
        error_uri: `${this.origin}/error?code=${code}`,
      },
    }
  }
}

const NO_STORE = { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' }

function secretRefusal(app: App, secret: string | undefined, assertion: string | null): LoginError | undefined {
  if (secret === app.secret) return undefined
  const client = { status: 401, error: 'invalid_client' }
  if (secret === EXPIRED_SECRET) {
    return {
      ...client,
      code: 7000222,
      text: `The provided client secret keys for app '${app.clientId}' are expired. Create new keys for your app: https://aka.ms/NewClientSecret.`,
    }
  }
  if (secret) {
    return {
      ...client,
      code: 7000215,
      text: `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${app.clientId}'.`,
    }
  }
  if (assertion === null) {
    return {
      ...client,
      code: 7000216,
      text: "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
    }
  }
  if (assertion.split('.').length !== 3) return { ...client, code: 50027, text: 'JWT token is invalid or malformed.' }
  return {
    ...client,
    code: 700027,
    text: 'The certificate with identifier used to sign the client assertion is not registered on application.',
  }
}

function credentialsOf(
  form: URLSearchParams,
  authorization: string | undefined,
): { clientId: string; secret: string | undefined } {
  const basic = authorization?.match(/^Basic\s+(.*)$/i)?.[1]
  if (basic !== undefined) {
    const [id = '', ...secret] = Buffer.from(basic, 'base64').toString().split(':')
    return { clientId: decodeForm(id), secret: decodeForm(secret.join(':')) }
  }
  return { clientId: form.get('client_id') ?? '', secret: form.get('client_secret') ?? undefined }
}

function decodeForm(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
