/** Runs all parts at once. The first that fails aborts `ending`, which ends the others; its failure is thrown once all have ended. */
export async function together(ending: AbortController, parts: readonly (() => Promise<void>)[]): Promise<void> {
  const run = async (part: () => Promise<void>) => {
    try {
      await part()
    } catch (error) {
      ending.abort(error) // the first failure is the cause; what the others then throw is its echo
      throw error
    }
  }
  const ends = await Promise.allSettled(parts.map(run))
  if (ends.some((end) => end.status === 'rejected')) throw ending.signal.reason
}
