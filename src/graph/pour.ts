import type { Sink } from '../copying/mailbox.ts'
import { EmptyAnswerError } from './failure.ts'

/** Carries what a sink threw past those who judge failures of the network: a full disk may look like one. */
export class SinkError extends Error {
  override readonly name = 'SinkError'
}

/**
 * Gives a body to the sink and answers what the sink made of it. Throws the body's own error where that broke, whatever
 * the sink made of it, and a SinkError where the sink failed. The sink sees no body without a first byte. `received` is called when the last byte has been taken.
 */
export async function pour<Taken>(
  body: AsyncIterable<Uint8Array>,
  sink: Sink<Taken>,
  received: () => void,
): Promise<Taken> {
  const pieces = body[Symbol.asyncIterator]()
  const first = await pieces.next()
  if (first.done) throw new EmptyAnswerError('An answer is empty')

  const broken: unknown[] = []
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (let piece = first; !piece.done; piece = await next()) yield piece.value
    received()
  }
  async function next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await pieces.next()
    } catch (error) {
      broken.push(error)
      throw error
    }
  }

  const [outcome] = await Promise.allSettled([(async () => sink(bytes()))()])
  if (broken.length > 0) throw broken[0]
  if (outcome.status === 'rejected') {
    throw new SinkError('What takes the bytes has failed', { cause: outcome.reason })
  }
  return outcome.value
}
