import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_OPTIONS } from '../extractions/options.ts'
import { type FolderReport, judge } from './report.ts'

const run = { status: 'completed', options: DEFAULT_OPTIONS, messagesUnlisted: 0 } as const

const NOTHING = { pending: 0, inLedger: 0 }

function aFolder(changes: Partial<FolderReport> = {}): FolderReport {
  const counts = { stored: 10, unchanged: 0, removed: 0, skipped: 0, held: 10, inLedger: 0 }
  return { path: 'Inbox', listedByGraph: 10, itemsAtStart: 10, ...counts, ...changes }
}

test('a run is complete when every folder holds what Graph counts', () => {
  assert.deepEqual(judge(run, [aFolder()], NOTHING), { complete: true, reasons: [], notes: [] })
})

test('a message that Graph counts and never lists is a reason against', () => {
  const { complete, reasons } = judge(run, [aFolder({ held: 8 })], NOTHING)
  assert.equal(complete, false)
  assert.match(reasons.join(), /Inbox: Graph counts 10 messages but lists only 8/)
})

test('a message in the ledger is a reason against, and accounts for itself', () => {
  const { complete, reasons } = judge(run, [aFolder({ held: 9, inLedger: 1 })], NOTHING)
  assert.equal(complete, false)
  assert.equal(reasons.length, 1)
  assert.match(reasons.join(), /1 messages could not be read/)
})

test('items that are no messages, and folders left out, are notes', () => {
  const options = { ...DEFAULT_OPTIONS, folders: { include: ['inbox'], exclude: [] } }
  const { complete, notes } = judge({ ...run, options }, [aFolder({ itemsAtStart: 12 })], NOTHING)
  assert.equal(complete, true)
  assert.match(notes.join(), /12 items, of which 10 are messages/)
  assert.match(notes.join(), /Only the folders that were chosen/)
})

test('attachments that are still to be fetched, or in the ledger, are reasons against', () => {
  const { complete, reasons } = judge(run, [aFolder()], { pending: 3, inLedger: 2 })
  assert.equal(complete, false)
  assert.match(reasons.join(), /attachments of 3 messages are still to be fetched.*2 attachments could not be read/)
})

test('mail in folders that Graph does not list is a reason against', () => {
  const { complete, reasons } = judge({ ...run, messagesUnlisted: 7 }, [aFolder()], NOTHING)
  assert.equal(complete, false)
  assert.match(reasons.join(), /counts 7 messages in the mailbox that are in none of the folders it lists/)
})

test('a run that has not ended, or a folder that was not walked, proves nothing', () => {
  assert.equal(judge({ ...run, status: 'paused' }, [aFolder()], NOTHING).complete, false)
  assert.equal(judge(run, [aFolder({ listedByGraph: null })], NOTHING).complete, false)
})
