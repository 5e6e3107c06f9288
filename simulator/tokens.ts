import { createHmac } from 'node:crypto'
import { GraphError } from './answer.ts'

export interface TokenClaims {
  appId: string
  tenantId: string
  /** Seconds since 1970. */
  expiresAt: number
  number: number
}

/** Issues and reads access tokens. Nothing is stored: a token carries all and is signed. */
export class Tokens {
  issued = 0

  private readonly secret: string
  private readonly now: () => number
  readonly lifetimeSeconds: number

  constructor(secret: string, now: () => number, lifetimeSeconds: number) {
    this.secret = secret
    this.now = now
    this.lifetimeSeconds = lifetimeSeconds
  }

  issue(tenantId: string, appId: string): string {
    const expiresAt = Math.floor(this.now() / 1000) + this.lifetimeSeconds
    const claims: TokenClaims = { appId, tenantId, expiresAt, number: ++this.issued }
    const content = `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode({ ...claims, exp: expiresAt, aud: 'https://graph.microsoft.com' })}`
    return `${content}.${this.sign(content)}`
  }

  /** Refuses as Graph does: nothing sent, nonsense, or too old. */
  read(authorization: string | undefined): TokenClaims {
    const token = authorization?.match(/^Bearer\s+(.*)$/i)?.[1]
    if (!token) throw invalidToken('Access token is empty.')
    const [head = '', claims = '', signature = ''] = token.split('.')
    if (token.split('.').length !== 3) throw invalidToken('CompactToken parsing failed with error code: 80049217')
    if (signature !== this.sign(`${head}.${claims}`))
      throw invalidToken('JWT is not well formed, or its signature is invalid.')
    const read = JSON.parse(Buffer.from(claims, 'base64url').toString()) as TokenClaims
    if (read.expiresAt * 1000 <= this.now()) throw invalidToken('Lifetime validation failed, the token is expired.')
    return read
  }

  private sign(content: string): string {
    return createHmac('sha256', this.secret).update(content).digest('base64url')
  }
}

export function invalidToken(message: string): GraphError {
  return new GraphError(401, 'InvalidAuthenticationToken', message, {
    'www-authenticate': 'Bearer realm="", authorization_uri="/common/oauth2/authorize"',
  })
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
