import type { Clock } from '../clock.ts'
import { type Claim, ClaimLostError } from '../extractions/extraction.ts'
import type { ClaimedExtraction } from '../extractions/extraction-store.ts'
import type { ExtractionOptions } from '../extractions/options.ts'
import { Bell } from './bell.ts'
import type { BlobStore } from './blob-store.ts'
import type { ByteBudget } from './byte-budget.ts'
import { chooseFolders } from './choose-folders.ts'
import type { ContentStore } from './content-store.ts'
import { copyContents, type Pages } from './copy-contents.ts'
import type { CopyContext } from './copy-context.ts'
import { copyFolder } from './copy-folder.ts'
import { LARGE_FOLDER } from './fill-folder.ts'
import { findUnlisted } from './find-unlisted.ts'
import { listFolders, walkFolders } from './list-folders.ts'
import type { FolderListing, MailboxProvider } from './mailbox.ts'
import type { Lane, MessageStore } from './message-store.ts'
import { retrySkipped } from './retry-skipped.ts'
import { together } from './together.ts'
import { UnsavedPages } from './unsaved-pages.ts'

/** As many lanes as Graph lets one app make requests at once on one mailbox (throttling limits, Outlook service). */
const LANES = 4

/** How often counters are written while no page comes, so that a long wait can be seen. */
const USAGE_INTERVAL_MS = 2_000

export interface CopyDependencies {
  provider: MailboxProvider
  store: MessageStore
  contents: ContentStore
  blobs: BlobStore
  /** Of the pages of all mailboxes. */
  budget: ByteBudget
  clock: Clock
}

/** Copies what the extraction asks for. 'busy' when another extraction has the mailbox: this one is queued again. */
export async function copyMailbox(
  { claim, userUpn, options, credentials }: ClaimedExtraction,
  { provider, store, contents, blobs, budget, clock }: CopyDependencies,
  signal: AbortSignal,
): Promise<'done' | 'busy'> {
  const ending = new AbortController() // one part that fails ends the others
  const stop = AbortSignal.any([signal, ending.signal])
  const lap = stopwatch(clock)

  const { traffic, mailbox: opening } = provider.open(userUpn, credentials, stop)
  const spent = () => ({ usage: traffic.takeUsage(), activeMs: lap(), waitingFor: traffic.waitingFor() })
  const counting = countWhileWaiting(() => store.addUsage(claim, spent()), clock, stop)
  try {
    const mailbox = await opening
    const mailboxKey = await store.bindMailbox(claim, mailbox)
    if (mailboxKey === 'busy') return 'busy'

    const unsaved = new UnsavedPages(budget)
    const more = new Bell()
    const context: CopyContext = {
      claim,
      mailbox,
      traffic,
      mailboxKey,
      store,
      contents,
      blobs,
      options,
      unsaved,
      more,
      clock,
      folderIds: new Set(),
      lap,
      ending,
      signal: stop,
    }
    if (options.only === 'skipped') await retrySkipped(context)
    else await copyEverything(context)
    return 'done'
  } finally {
    ending.abort()
    await counting
    await addLastUsage(store, claim, spent())
  }
}

async function copyEverything(context: CopyContext): Promise<void> {
  const listing = await listFolders(context)
  const unlisted = await copyFolders(listing, context)
  if (unlisted === 0 || listing.isWalkedInFull) return
  const walked = await walkFolders(context)
  const known = new Set(listing.folders.map(({ id }) => id))
  if (walked.folders.some(({ id }) => !known.has(id))) await copyFolders(walked, context)
}

/** Answers how many messages Graph counts in the mailbox and in none of the folders, as far as the run can tell. */
async function copyFolders({ folders, isWalkedInFull }: FolderListing, opened: CopyContext): Promise<number> {
  const { claim, mailbox, mailboxKey, options, store } = opened
  const context = { ...opened, folderIds: new Set(folders.map(({ id }) => id)) }
  const chosen = await chooseFolders(mailbox, folders, options)
  const lanes = await store.openLanes(claim, mailboxKey, { ...options, folders, isWalkedInFull, chosen })
  const pages: Pages = { areOver: false }
  await together(context.ending, [
    async () => {
      await runLanes(lanes, context)
      pages.areOver = true
      context.more.ring()
    },
    ...(wantsContents(options) ? [() => copyContents(lanes, pages, context)] : []),
  ])
  return findUnlisted(folders, options, context)
}

/** Anything beside the pages: without it nothing waits to be fetched. */
function wantsContents({ attachments, mime }: ExtractionOptions): boolean {
  return attachments !== 'none' || mime
}

/** The claim may be over by now: given back, or lost. */
async function addLastUsage(store: MessageStore, claim: Claim, spent: Parameters<MessageStore['addUsage']>[1]) {
  try {
    await store.addUsage(claim, spent)
  } catch (error) {
    if (!(error instanceof ClaimLostError)) throw error
  }
}

async function runLanes(lanes: readonly Lane[], context: CopyContext): Promise<void> {
  const waiting = lanes.filter((lane) => !lane.done)
  const expected = waiting.reduce((sum, lane) => sum + lane.expected, 0)
  const runner = async () => {
    for (let lane = waiting.shift(); lane; lane = waiting.shift()) {
      const isLong = lane.expected >= LARGE_FOLDER && lane.expected * LANES > expected
      await copyFolder(lane, context, isLong)
    }
  }
  await together(context.ending, Array<typeof runner>(LANES).fill(runner))
}

async function countWhileWaiting(count: () => Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await clock.sleep(USAGE_INTERVAL_MS, signal)
      await count()
    }
  } catch {
    // The run is ending, or the database refuses: the run itself meets that, and says so.
  }
}

function stopwatch(clock: Clock): () => number {
  let last = clock.now()
  return () => {
    const now = clock.now()
    const elapsed = now - last
    last = now
    return elapsed
  }
}
