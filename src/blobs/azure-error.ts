import { RestError } from '@azure/storage-blob'
import { BlobDamagedError } from '../copying/blob-store.ts'
import { AppError } from '../errors.ts'

/** Asks Azure, and says in our words why it would not. */
export async function onAzure<Result>(place: string, ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask()
  } catch (error) {
    throw azureError(place, error)
  }
}

/** Azure's own word for what went wrong, such as `BlobNotFound`, or the code of a network error; else the error's name. */
export function azureCode(error: unknown): string {
  const { code, details, name } = (error ?? {}) as { code?: unknown; details?: { errorCode?: unknown }; name?: unknown }
  // The answer to a HEAD has no body to read the code from, and brings it in a header.
  return String(code ?? details?.errorCode ?? name)
}

/** Without the original as its cause, for that holds the request with its SAS or token. */
function azureError(place: string, error: unknown): unknown {
  if (error instanceof AppError || error instanceof BlobDamagedError || isBug(error)) return error
  const statusCode = error instanceof RestError ? error.statusCode : undefined
  return new AppError('blob_store_unavailable', `The blobs in ${place} ${advice(azureCode(error), statusCode)}`)
}

/** Anything but an error that Azure's libraries throw on purpose; for a broken download that is an error without a name. */
function isBug(error: unknown): boolean {
  return !(error instanceof Error) || error instanceof TypeError || error instanceof RangeError
}

function advice(code: string, statusCode: number | undefined): string {
  const why = statusCode === undefined ? code : `${code}, status ${statusCode}`
  if (code === 'ContainerNotFound') return `have no container (${why}): make it, or check BLOB_STORE`
  if (statusCode === 401 || statusCode === 403 || code === 'InvalidAuthenticationInfo') {
    return `may not be used (${why}): give the identity the role Storage Blob Data Contributor, or BLOB_STORE a SAS that may read, create, write and delete and has not expired`
  }
  if (/Authentication|Credential/.test(code)) {
    return `need a login, and none was found (${why}): set up an Azure identity, or add a SAS to BLOB_STORE`
  }
  return `cannot be reached (${why}): check the network, BLOB_STORE and the storage account`
}
