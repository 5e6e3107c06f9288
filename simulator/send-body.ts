import type { ServerResponse } from 'node:http'
import type { Content } from './content.ts'
import type { WireFault } from './faults.ts'
import type { Gates } from './gates.ts'

export interface PreparedBody {
  headers: Record<string, string>
  content: Content
  /** It lies in memory already: nothing is won by waiting for a slow reader. */
  isHeld: boolean
}

interface Sending {
  wire: WireFault | undefined
  gates: Gates
  signal: AbortSignal
  /** Called once, directly before the last byte, or when it is clear that there will be none. */
  finish: (bytes: number) => void
}

/** Sends a body piece by piece, no faster than it is read, and breaks off or waits where a fault wants that. */
export async function sendBody(
  response: ServerResponse,
  status: number,
  { headers, content, isHeld }: PreparedBody,
  { wire, gates, signal, finish }: Sending,
): Promise<void> {
  const { size } = content
  // Neither cut nor hold lets the last byte out: the client must notice.
  const stop = wire?.kind === 'cut' || wire?.kind === 'hold' ? Math.min(wire.after, Math.max(0, size - 1)) : undefined
  const isChunked = wire?.kind === 'cut' && wire.chunked
  response.writeHead(status, isChunked ? headers : { ...headers, 'content-length': size })
  let sent = 0
  let isFinished = false
  const write = async (piece: Buffer) => {
    sent += piece.length
    if (sent === size) {
      isFinished = true
      finish(size)
      response.end(piece)
    } else if (!response.write(piece) && !isHeld) {
      response.uncork()
      await drained(response)
      response.cork()
    }
  }
  // A page of many blocks leaves in one go.
  response.cork()
  try {
    for (const piece of content.pieces()) {
      if (signal.aborted) return
      if (piece.length === 0) continue
      const before = stop === undefined ? 0 : stop - sent
      if (stop === undefined || before < 0 || before >= piece.length) {
        await write(piece)
        continue
      }
      if (before > 0) await write(piece.subarray(0, before))
      response.flushHeaders()
      response.uncork()
      if (wire?.kind === 'cut') return response.socket?.destroySoon()
      await opened(wire, gates, signal)
      response.cork()
      if (signal.aborted) return
      await write(piece.subarray(before))
    }
    if (size === 0) {
      isFinished = true
      finish(0)
      response.end()
    }
  } finally {
    if (!isFinished) finish(sent)
    response.uncork()
  }
}

/** Ends when there is room again, or nobody to write to. */
export async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed || !response.writableNeedDrain) return
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

async function opened(wire: WireFault | undefined, gates: Gates, signal: AbortSignal): Promise<void> {
  if (wire?.kind === 'hold' && wire.gate !== undefined) return gates.pass(wire.gate, signal)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
