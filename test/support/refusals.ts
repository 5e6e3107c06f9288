import { ApiError } from '../../src/http/client.ts'

/** Between the look and the word the extraction may have moved on; a refusal says just that. */
const MOVED_ON = 409

/** Makes a call that may come too late, or meet with another of these answers. */
export async function allowRefusal(call: Promise<unknown>, ...statusCodes: number[]): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof ApiError && [MOVED_ON, ...statusCodes].includes(error.statusCode))) throw error
  }
}
