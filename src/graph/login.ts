import {
  ClientCertificateCredential,
  ClientSecretCredential,
  type ClientSecretCredentialOptions,
  type TokenCredential,
} from '@azure/identity'
import { classifyLogin, type LoginAnswer } from './classify-login.ts'
import { classifyNetworkError, RequestTimeoutError } from './classify-network-error.ts'
import { isMicrosoftLogin } from './clouds.ts'
import type { Failure } from './failure.ts'
import type { GraphAuth } from './graph-auth.ts'
import type { GraphUrl } from './graph-url.ts'
import { parseRetryAfter } from './retry-after.ts'

export interface Token {
  token: string
  expiresOnTimestamp: number
}

/** Asks the login service once; throws LoginError. */
export type Login = (auth: GraphAuth) => Promise<Token>

export class LoginError extends Error {
  override readonly name = 'LoginError'
  readonly failure: Failure

  // Without the original as its cause: that holds tenant, client and Microsoft's own words with both.
  constructor(failure: Failure) {
    super('The login service issued no token')
    this.failure = failure
  }
}

export interface LoginOptions {
  loginUrl: string
  graphUrl: GraphUrl
  ca?: string | undefined
  /** Tests put an answering function here. */
  httpClient?: NonNullable<ClientSecretCredentialOptions['httpClient']>
}

type Policy = NonNullable<ClientSecretCredentialOptions['additionalPolicies']>[number]['policy']

// The login service answers within seconds; Microsoft's library itself would wait for ever.
const LOGIN_TIMEOUT_MS = 60_000

/** Login through Microsoft's library, told to try once: there is one retry layer, and it is ours. */
export function microsoftLogin({ loginUrl, graphUrl, ca, httpClient }: LoginOptions): Login {
  const options: ClientSecretCredentialOptions = {
    authorityHost: new URL(loginUrl).origin,
    // Other hosts (a test world, a sovereign cloud not listed) are not known to Microsoft's discovery service.
    disableInstanceDiscovery: !isMicrosoftLogin(loginUrl),
    retryOptions: { maxRetries: 0 },
    ...(ca !== undefined && { tlsOptions: { ca } }),
    ...(httpClient && { httpClient }),
  }

  return async (auth) => {
    const seen = new SeenAnswers()
    // A new credential each time: it has no cache that gives back a token Graph refuses, and no memory of throttling.
    const credential = credentialFor(auth, { ...options, additionalPolicies: [{ policy: seen, position: 'perRetry' }] })
    try {
      const token = await credential.getToken(`${graphUrl.origin}/.default`)
      if (token) return token
    } catch (error) {
      throw new LoginError(seen.failure() ?? classifyNetworkError(error) ?? refusedBefore(error))
    }
    throw new LoginError(refusedBefore(undefined))
  }
}

function credentialFor(auth: GraphAuth, options: ClientSecretCredentialOptions): TokenCredential {
  if (auth.kind === 'secret')
    return new ClientSecretCredential(auth.tenantId, auth.clientId, auth.clientSecret, options)
  const { certificatePath, certificatePassword } = auth
  const certificate = { certificatePath, ...(certificatePassword !== undefined && { certificatePassword }) }
  return new ClientCertificateCredential(auth.tenantId, auth.clientId, certificate, options)
}

/** Keeps what came over the wire, since the errors of the library drop status and Retry-After. */
class SeenAnswers implements Policy {
  readonly name = 'outlookmail-seen-answers'
  #answer: LoginAnswer | undefined
  #networkError: unknown

  sendRequest: Policy['sendRequest'] = async (request, next) => {
    // Not `request.timeout`: its timer outlives a failed request, and keeps a process that wants to end waiting for it.
    const timeout = AbortSignal.timeout(LOGIN_TIMEOUT_MS)
    request.abortSignal = timeout
    this.#answer = undefined
    this.#networkError = undefined
    try {
      const response = await next(request)
      const sentAtMs = Date.parse(response.headers.get('date') ?? '') || Date.now()
      this.#answer = {
        statusCode: response.status,
        retryAfterMs: parseRetryAfter(response.headers.get('retry-after'), sentAtMs),
        body: response.bodyAsText ?? '',
      }
      return response
    } catch (error) {
      this.#networkError = timeout.aborted ? new RequestTimeoutError() : error
      throw error
    }
  }

  failure(): Failure | undefined {
    if (this.#answer) {
      // A success that the library could not use was cut or altered on its way.
      const isSuccess = this.#answer.statusCode < 300
      return isSuccess ? { kind: 'wait', reason: 'broken_answer' } : classifyLogin(this.#answer)
    }
    if (this.#networkError === undefined) return undefined
    return classifyNetworkError(this.#networkError) ?? { kind: 'wait', reason: 'network' }
  }
}

/** The library gave up before it asked: mostly a certificate file that is missing or has no private key. */
function refusedBefore(error: unknown): Failure {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  const message = `The login could not be prepared${code}. Check the certificate file, its password, tenant id and client id.`
  return { kind: 'fail', code: 'login_refused', message }
}
