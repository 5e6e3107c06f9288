import { isIP } from 'node:net'
import { resolve } from 'node:path'

/** Where blobs are kept, as BLOB_STORE names it. */
export type BlobStoreLocation =
  | { kind: 'file'; path: string }
  /** With a SAS in its query that is the right to use it, or without, for an identity of the environment. A secret. */
  | { kind: 'azure-container'; url: string }
  /** Of a storage account, with its key or a SAS. A secret. */
  | { kind: 'azure-account'; connectionString: string }

/** Throws an error whose message fits after the name of the setting, and never repeats it: it may hold a key. */
export function parseBlobStoreLocation(text: string): BlobStoreLocation {
  const [, scheme, rest = ''] = /^(file|azure):(.*)$/s.exec(text) ?? []
  if (scheme === 'file' && rest) return { kind: 'file', path: resolve(rest.replace(/^\/\/(?=\/)/, '')) }
  if (scheme === 'azure' && /^https?:/i.test(rest)) return { kind: 'azure-container', url: containerUrl(rest) }
  if (scheme === 'azure') return { kind: 'azure-account', connectionString: connectionString(rest) }
  throw new Error('must begin with file: or azure:')
}

function containerUrl(text: string): string {
  if (!URL.canParse(text)) throw new Error('names no address that can be understood behind azure:')
  const url = new URL(text)
  if (url.username || url.password || url.hash) throw new Error('must be a container URL without user and fragment')
  if (!travelsSafely(url)) throw new Error('must begin with azure:https://, for mail travels there')
  // An emulator has the account in the path, where Azure has it in the host's name.
  const isNamedByPath = isIP(url.hostname.replace(/[[\]]/g, '')) !== 0 || url.hostname === 'localhost'
  if (url.pathname.split('/').filter(Boolean).length !== (isNamedByPath ? 2 : 1)) {
    throw new Error('must name one container, such as azure:https://ACCOUNT.blob.core.windows.net/CONTAINER')
  }
  if (url.search && !url.searchParams.has('sig')) {
    throw new Error('has a query that is no shared access signature: its sig is missing')
  }
  return url.href
}

/** Holds it against what Azure's library will ask of it, whose own complaints come too late and one at a time. */
function connectionString(text: string): string {
  if (/^UseDevelopmentStorage=true;?$/.test(text)) return text // the emulator, on this machine
  const parts = new Map(
    text.split(';').map((part) => [part.split('=', 1)[0]?.trim(), part.slice(part.indexOf('=') + 1)]),
  )
  const protocol = parts.get('DefaultEndpointsProtocol')
  const endpoint = parts.get('BlobEndpoint')
  const hasKey = protocol && parts.get('AccountName') && parts.get('AccountKey')
  const isOfAccount = hasKey && (endpoint || parts.get('EndpointSuffix'))
  const isOfSas = endpoint && parts.get('SharedAccessSignature')
  if (!isOfAccount && !isOfSas) {
    throw new Error(
      'must be file:PATH, or azure: and a container URL or a connection string as the Azure portal shows it',
    )
  }
  const address = endpoint || `${protocol}://account`
  if (!URL.canParse(address) || !travelsSafely(new URL(address))) {
    throw new Error('has a connection string whose endpoint is not https, and mail travels there')
  }
  return text
}

function travelsSafely({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}
