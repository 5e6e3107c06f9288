import { createRequire } from 'node:module'
import type { ClientCredentialRequest, INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node'
import { classifyLogin, type LoginAnswer } from './classify-login.ts'
import { classifyNetworkError, RequestTimeoutError } from './classify-network-error.ts'
import { isMicrosoftLogin } from './clouds.ts'
import type { Failure } from './failure.ts'
import type { GraphAuth } from './graph-auth.ts'
import type { GraphUrl } from './graph-url.ts'
import { readLoginCertificate } from './login-certificate.ts'
import { type LoginRequest, loginConnection, type SendLoginRequest } from './login-request.ts'
import { parseRetryAfter } from './retry-after.ts'

// All of it in one file: the modules that `import` would load are two hundred, and cost every start a third of a second.
const { ConfidentialClientApplication } = createRequire(import.meta.url)(
  '@azure/msal-node',
) as typeof import('@azure/msal-node')

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
  send?: SendLoginRequest
}

// The login service answers within seconds; Microsoft's library itself would wait for ever.
const LOGIN_TIMEOUT_MS = 60_000

/** Login through Microsoft's library, which tries once: there is one retry layer, and it is ours. */
export function microsoftLogin({ loginUrl, graphUrl, ca, send = loginConnection(ca) }: LoginOptions): Login {
  const { origin, host } = new URL(loginUrl)
  // Other hosts (a test world, a sovereign cloud not listed) are not known to Microsoft's discovery service.
  const known = isMicrosoftLogin(loginUrl) ? {} : { knownAuthorities: [host] }

  return async (auth) => {
    const wire = new Wire(send)
    try {
      // A new client each time: it has no cache that gives back a token Graph refuses, and no memory of throttling.
      const client = new ConfidentialClientApplication({
        auth: {
          clientId: auth.clientId,
          authority: `${origin}/${auth.tenantId}`,
          ...known,
          ...(await proofOf(auth)),
        },
        system: { networkClient: wire },
      })
      const asked: ClientCredentialRequest = { scopes: [`${graphUrl.origin}/.default`], skipCache: true }
      const issued = await client.acquireTokenByClientCredential(asked)
      if (issued?.expiresOn) return { token: issued.accessToken, expiresOnTimestamp: issued.expiresOn.getTime() }
    } catch (error) {
      throw new LoginError(wire.failure() ?? classifyNetworkError(error) ?? refusedBefore(error))
    }
    throw new LoginError(refusedBefore(undefined))
  }
}

async function proofOf(auth: GraphAuth) {
  if (auth.kind === 'secret') return { clientSecret: auth.clientSecret }
  return { clientCertificate: await readLoginCertificate(auth.certificatePath, auth.certificatePassword) }
}

/** Sends what the library asks, and keeps what came of it: the errors of the library drop status and Retry-After. */
class Wire implements INetworkModule {
  readonly #send: SendLoginRequest
  #answer: LoginAnswer | undefined
  #networkError: unknown

  constructor(send: SendLoginRequest) {
    this.#send = send
  }

  sendGetRequestAsync<Body>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<Body>> {
    return this.#exchange({ url, method: 'GET', headers: options?.headers ?? {} })
  }

  sendPostRequestAsync<Body>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<Body>> {
    return this.#exchange({ url, method: 'POST', headers: options?.headers ?? {}, body: options?.body })
  }

  async #exchange<Body>(asked: LoginRequest): Promise<NetworkResponse<Body>> {
    const timeout = AbortSignal.timeout(LOGIN_TIMEOUT_MS)
    this.#answer = undefined
    this.#networkError = undefined
    try {
      const { status, headers, body } = await this.#send(asked, timeout)
      const sentAtMs = Date.parse(headers.date ?? '') || Date.now()
      const retryAfterMs = parseRetryAfter(headers['retry-after'], sentAtMs)
      this.#answer = { statusCode: status, retryAfterMs, body }
      return { status, headers, body: JSON.parse(body) as Body }
    } catch (error) {
      if (!this.#answer) this.#networkError = timeout.aborted ? new RequestTimeoutError() : error
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
