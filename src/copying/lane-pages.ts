import type { Checkpoint } from './checkpoint.ts'
import type { CopyContext } from './copy-context.ts'
import type { Page } from './mailbox.ts'
import type { Lane } from './message-store.ts'
import { type ReadPage, readAhead } from './read-ahead.ts'

/** The pages of a lane, from its checkpoint to the end of its folder. */
export function lanePages({ folderId, checkpoint, way }: Lane, { mailbox, unsaved, signal }: CopyContext) {
  const read = async (from: Checkpoint): Promise<ReadPage<Checkpoint, Page>> => {
    const page = await mailbox.readPage(folderId, from, way)
    return { page, rest: page.next.at === 'page' ? page.next : undefined }
  }
  return readAhead(checkpoint, read, unsaved, signal)
}
