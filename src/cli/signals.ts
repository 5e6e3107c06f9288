/** npm passes on the Ctrl-C that the terminal has already sent us; nobody presses it twice so fast. */
const SAME_PRESS_MS = 300

/**
 * Resolves on the first SIGINT or SIGTERM, or when the program that started us is gone. A second SIGINT ends
 * the process at once: nothing is lost by it, for every checkpoint is on disk.
 */
export function untilAskedToStop(): Promise<void> {
  return new Promise((resolve) => {
    let firstAt: number | undefined
    process.on('SIGINT', () => {
      firstAt ??= Date.now()
      if (Date.now() - firstAt > SAME_PRESS_MS) process.exit(130) // 128 + the number of the signal, as shells count
      resolve()
    })
    process.once('SIGTERM', () => resolve())
    if (process.channel) {
      process.once('disconnect', () => resolve())
      process.channel.unref() // or the listener alone would keep the process alive
    }
  })
}
