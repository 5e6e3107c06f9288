/**
 * Decides who runs what next. The rows of the extractions are the truth about state; an engine
 * only hands out turns, so losing all it knows loses no work.
 */
export interface JobEngine {
  /** Begins to hand out what is queued. */
  start(): Promise<void>
  /**
   * Rows have changed: there may be work to begin, or a wish that a running worker has to hear.
   * Cheap, may be called at any time and any number of times.
   */
  wake(): void
  /** Stops every worker at its next checkpoint; what they held goes on after the next start. */
  stop(): Promise<void>
}
