import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

// Given to the service's Node with `--import`: measures how late the main thread comes to what is due, from one SIGUSR2 to the
// next, and then prints it. In JavaScript, so that it loads nothing that the service would not.

const RESOLUTION_MS = 10

if (isMainThread) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  process.once('SIGUSR2', () => {
    histogram.enable()
    process.once('SIGUSR2', () => {
      histogram.disable()
      /** @param {number} nanoseconds between two looks, which are meant to be so far apart */
      const late = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
      const eventLoopDelayMs = {
        p50: late(histogram.percentile(50)),
        p99: late(histogram.percentile(99)),
        max: late(histogram.max),
      }
      process.stdout.write(`${JSON.stringify({ eventLoopDelayMs })}\n`)
    })
  })
}
