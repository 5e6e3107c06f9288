import type { Checkpoint } from './checkpoint.ts'
import type { CopyContext } from './copy-context.ts'
import type { Page } from './mailbox.ts'
import type { Lane } from './message-store.ts'
import { type ReadPage, readAhead } from './read-ahead.ts'

/** A page, with when it was asked for. */
export interface AskedPage extends Page {
  askedAt: number
}

/** The pages of a lane, from its checkpoint to the end of its folder. */
export function lanePages({ folderId, checkpoint, way }: Lane, { mailbox, unsaved, clock, signal }: CopyContext) {
  const read = async (from: Checkpoint): Promise<ReadPage<Checkpoint, AskedPage>> => {
    const askedAt = clock.now()
    const page = { ...(await mailbox.readPage(folderId, from, way)), askedAt }
    return { page, rest: page.next.at === 'page' ? page.next : undefined }
  }
  return readAhead(checkpoint, read, unsaved, signal)
}
