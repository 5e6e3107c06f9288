import type { ErrorCode } from '../errors.ts'
import type { Failure } from './failure.ts'
import { isRecord, parseJson } from './graph-error.ts'

/** The login service's answer that is no token. */
export interface LoginAnswer {
  statusCode: number
  retryAfterMs: number | undefined
  body: string
}

// Microsoft asks to branch on `error` and to show the AADSTS number only; but `error` is the same for a wrong
// secret and an expired one, and the cure is not.
const BY_NUMBER: Record<number, { code: ErrorCode; message: string }> = {
  7000215: {
    code: 'app_secret_invalid',
    message:
      'The login service does not accept the client secret. Use the value of the secret, not its id (the value is shown ' +
      'only once, when it is made); a secret made just now may need a minute to work.',
  },
  7000222: {
    code: 'app_secret_expired',
    message:
      'The client secret has expired. Make a new one in the app registration and put its value into the settings.',
  },
  700016: {
    code: 'app_not_found',
    message:
      'The tenant does not know the app. Check the client id and the tenant id, and that an admin has consented.',
  },
  7000112: {
    code: 'app_not_found',
    message: 'The app is disabled in the tenant. An administrator enables it in Entra.',
  },
  7000229: {
    code: 'app_not_found',
    message: 'The app has no service principal in the tenant. An administrator of the tenant consents to the app.',
  },
  90002: {
    code: 'tenant_not_found',
    message: 'There is no such tenant. Check the tenant id, and that the cloud is the one of the tenant.',
  },
}
BY_NUMBER[900023] = BY_NUMBER[90002] as { code: ErrorCode; message: string }

/** What an answer of the login service means. The sentence never repeats Microsoft's, which holds ids. */
export function classifyLogin({ statusCode, retryAfterMs, body }: LoginAnswer): Failure {
  const json = parseJson(body)
  const error = isRecord(json) && typeof json.error === 'string' ? json.error : ''
  if (statusCode === 429) return { kind: 'wait', reason: 'throttled', retryAfterMs }
  if (statusCode >= 500 || statusCode === 408 || error === 'temporarily_unavailable') {
    return { kind: 'wait', reason: 'server_busy', retryAfterMs }
  }
  if (!isRecord(json) || error === '') return notMicrosoft(statusCode)

  const numbers = numbersOf(json)
  for (const number of numbers) {
    const known = BY_NUMBER[number]
    if (known) return { kind: 'fail', ...known }
  }
  if (error === 'invalid_tenant') return { kind: 'fail', ...(BY_NUMBER[90002] as { code: ErrorCode; message: string }) }

  const said = [/^[a-z_]{1,40}$/.test(error) ? error : '', ...numbers.map((number) => `AADSTS${number}`)]
  const message =
    `The login service refuses the app (${said.filter(Boolean).join(', ')}). Check client id, tenant id and secret or ` +
    'certificate in the app registration.'
  return { kind: 'fail', code: 'login_refused', message }
}

function notMicrosoft(statusCode: number): Failure {
  const message = `The login address answers ${statusCode}, and not as Microsoft's login service does. Check the login address in the settings.`
  return { kind: 'fail', code: 'login_refused', message }
}

function numbersOf(json: Record<string, unknown>): number[] {
  const listed = Array.isArray(json.error_codes) ? json.error_codes.filter((code) => Number.isInteger(code)) : []
  if (listed.length > 0) return listed
  const described = /\bAADSTS(\d{4,9})\b/.exec(String(json.error_description ?? ''))
  return described ? [Number(described[1])] : []
}
