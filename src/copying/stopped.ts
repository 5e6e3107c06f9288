/** The worker was asked to stop, and has: a checkpoint, not a failure. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError'
  constructor() {
    super('Stopped at a checkpoint')
  }
}
