import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { AppError } from '../errors.ts'

/** Lets short requests end when the service stops, and waits for nobody else. */
export function closeSoon(server: FastifyInstance): void {
  const streams = new Set<Readable>()
  let closing = false

  server.addHook('preClose', async () => {
    closing = true
    // A reader may take its time over a streamed result, or none at all; it sees a connection that breaks off.
    for (const stream of streams) stream.destroy(stopping())
  })
  server.addHook('onRequest', async () => {
    // A kept-alive connection may bring one more request while the others end.
    if (closing) throw stopping()
  })
  server.addHook('onSend', async (_request, _reply, payload) => {
    if (!(payload instanceof Readable)) return
    streams.add(payload)
    payload.once('close', () => streams.delete(payload))
  })
}

function stopping(): AppError {
  return new AppError('shutting_down', 'The service is stopping; try again when it is back')
}
