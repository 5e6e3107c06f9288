/**
 * Resolves on the first SIGINT or SIGTERM, or when the program that started us is gone. A second SIGINT ends
 * the process at once: nothing is lost by it, for every checkpoint is on disk.
 */
export function untilAskedToStop(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => {
      process.once('SIGINT', () => process.exit(130)) // 128 + the number of the signal, as shells count
      resolve()
    })
    if (process.channel) process.once('disconnect', () => resolve())
  })
}
