import type { Extraction, ExtractionId } from '../extractions/extraction.ts'
import { choosesAllFolders, choosesByTime } from './choose-folders.ts'

/** What became of one folder in a run, and what is stored of it now. */
export interface FolderReport {
  path: string
  /** Messages, of the times that are kept, that Graph counted when the walk had ended; null while it has not. */
  listedByGraph: number | null
  /** Items of every kind that Graph counted in the folder when the run began; null where only mail of some times is kept. */
  itemsAtStart: number | null
  /** Counts of this run. */
  stored: number
  unchanged: number
  removed: number
  skipped: number
  /** Of these times, stored at present and not removed. */
  held: number
  /** In the ledger at present. */
  inLedger: number
}

/** A message, or a part of one, that Graph lists and could not give. */
export interface LedgerEntry {
  messageId: string
  /** Empty for the message itself; `attachments` where they could not even be listed; else the id of an attachment. */
  part: string
  folderPath: string
  code: string
  reason: string
  attempts: number
  firstSeen: string
  lastSeen: string
}

export type LedgerPosition = Pick<LedgerEntry, 'messageId' | 'part'>

export interface ContentsReport {
  /** Messages whose attachments or MIME the run wants and has not fetched. */
  pending: number
  /** Attachments, and messages whose attachments could not even be listed, that stand in the ledger. */
  inLedger: number
}

export interface ReportReader {
  /** One entry for each folder of the extraction's mailbox that a run ever chose and that is still there, by path. */
  reportFolders(extraction: ExtractionId): Promise<FolderReport[]>
  /** The ledger of the extraction's mailbox, by message and part, after one of them. */
  listLedger(
    extraction: ExtractionId,
    query: { limit: number; after?: LedgerPosition | undefined },
  ): Promise<{ items: LedgerEntry[]; next: LedgerPosition | null }>
  /** What is to be known of the contents of messages that are stored. */
  reportContents(extraction: ExtractionId): Promise<ContentsReport>
}

export interface Verdict {
  /** Every message that Graph lists in the chosen folders is stored. */
  complete: boolean
  /** Why not, for people. */
  reasons: string[]
  /** What is worth knowing and takes nothing from completeness. */
  notes: string[]
}

/** Judges a run from its folders; nothing of it is stored. */
export function judge(
  { status, options, messagesUnlisted }: Pick<Extraction, 'status' | 'options' | 'messagesUnlisted'>,
  folders: readonly FolderReport[],
  contents: ContentsReport,
): Verdict {
  const reasons: string[] = []
  const notes: string[] = []
  if (status !== 'completed')
    reasons.push(`The run is ${status.replace('_', ' ')}, so not everything has been looked at.`)
  for (const folder of folders) {
    const { path, listedByGraph, held, inLedger, itemsAtStart } = folder
    if (listedByGraph === null) {
      if (status === 'completed') reasons.push(`${path}: Graph has not counted its messages in this run.`)
      continue
    }
    const accounted = held + inLedger
    if (accounted < listedByGraph) {
      reasons.push(`${path}: Graph counts ${listedByGraph} messages but lists only ${accounted} of them.`)
    } else if (accounted > listedByGraph) {
      notes.push(
        `${path}: ${accounted - listedByGraph} messages more are stored than Graph counted; the folder changed meanwhile.`,
      )
    }
    if (inLedger > 0) reasons.push(`${path}: ${inLedger} messages could not be read; the ledger (skipped) says why.`)
    if (itemsAtStart !== null && itemsAtStart > listedByGraph) {
      notes.push(`${path}: Graph counts ${itemsAtStart} items, of which ${listedByGraph} are messages.`)
    }
  }
  if (contents.pending > 0) {
    reasons.push(`The attachments of ${contents.pending} messages are still to be fetched.`)
  }
  if (contents.inLedger > 0) {
    reasons.push(`${contents.inLedger} attachments could not be read; the ledger (skipped) says why.`)
  }
  if (messagesUnlisted) {
    reasons.push(
      `Graph counts ${messagesUnlisted} messages in the mailbox that are in none of the folders it lists: such folders ` +
        '(of the class IPF.Imap, say) come from migrations, and are seen once their class is set to IPF.Note.',
    )
  }
  if (!choosesAllFolders(options)) notes.push('Only the folders that were chosen are judged.')
  if (choosesByTime(options)) notes.push('Only mail of the times that were chosen, now or by earlier runs, is judged.')
  return { complete: reasons.length === 0, reasons, notes }
}
