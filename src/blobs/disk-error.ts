import { AppError } from '../errors.ts'

/** Does something in a folder of ours, and says in our words why the disk would not have it. */
export async function onDisk<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw diskError(folder, error)
  }
}

/** What is no error of the system is a bug, and stays what it is. */
function diskError(folder: string, cause: unknown): unknown {
  const { code, syscall } = (cause ?? {}) as NodeJS.ErrnoException
  if (!code || !syscall) return cause
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new AppError('storage_full', `The disk that holds the blobs (${folder}) is full: free some space`, { cause })
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new AppError(
      'storage_readonly',
      `The blobs in ${folder} cannot be read or written (${code}): give this user the right to, or set BLOB_STORE`,
      { cause },
    )
  }
  return new AppError(
    'blob_store_unavailable',
    `The blobs in ${folder} cannot be read or written (${code}): check the disk and BLOB_STORE`,
    { cause },
  )
}
