import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertEpochsRiseByOne,
  assertMailIsWrittenUnderAClaim,
  assertMovesAreAllowed,
  assertOneRunAMailbox,
  assertOneWriterAnEpoch,
  type WriteLog,
} from './write-log.ts'

type ExtractionWrite = WriteLog['extractions'][number]

/** Of one extraction of one mailbox that `worker 1` copies; `epoch` rises where `old_epoch` says so. */
function aWrite(changes: Partial<ExtractionWrite> = {}): ExtractionWrite {
  const usual = { transaction: '1', writer: 'worker 1', extraction_id: 'e1', address: 'a@x.example', mailbox_id: '1' }
  const epoch = changes.epoch ?? 1
  return { ...usual, from: 'in_progress', to: 'in_progress', old_epoch: epoch, epoch, is_crash: false, ...changes }
}

const START = aWrite({ from: 'queued', old_epoch: 0 })
const PAGE = aWrite({ transaction: '2' })
const LOSS = aWrite({ transaction: '3', writer: 'worker 2', old_epoch: 1, epoch: 2, is_crash: true })
const SETTLED = aWrite({ transaction: '3', writer: 'worker 2', epoch: 2, to: 'queued' })
const TAKEN = aWrite({ transaction: '3', writer: 'worker 2', from: 'queued', old_epoch: 2, epoch: 3 })
const END = aWrite({ transaction: '4', writer: 'worker 2', epoch: 3, to: 'completed' })

function log(...extractions: ExtractionWrite[]): WriteLog {
  return { extractions, mail: [] }
}

test('a run that is lost, taken over and completed passes every check', () => {
  const mail = [{ transaction: '2', writer: 'worker 1', table: 'emails', mailbox_id: '1' }]
  const takeover = { extractions: [START, PAGE, LOSS, SETTLED, TAKEN, END], mail }
  assertMovesAreAllowed(takeover)
  assertEpochsRiseByOne(takeover)
  assertOneWriterAnEpoch(takeover)
  assertOneRunAMailbox(takeover)
  assertMailIsWrittenUnderAClaim(takeover)
})

test('a move that is not in the table is found, and one that is not for its maker', () => {
  assert.throws(() => assertMovesAreAllowed(log(aWrite({ from: 'completed', to: 'queued' }))))
  assert.throws(() => assertMovesAreAllowed(log(aWrite({ writer: 'api', to: 'completed' }))))
  assert.throws(() => assertMovesAreAllowed(log(aWrite({ from: 'queued', to: 'paused' }))))
})

test('an epoch that goes back, skips, or stays at a start is found', () => {
  assert.throws(() => assertEpochsRiseByOne(log(aWrite({ old_epoch: 2, epoch: 1 }))))
  assert.throws(() => assertEpochsRiseByOne(log({ ...START, epoch: 2 })))
  assert.throws(() => assertEpochsRiseByOne(log({ ...START, old_epoch: 1 })))
})

test('a loss that leaves the extraction running is found', () => {
  assert.throws(() => assertEpochsRiseByOne(log(START, LOSS)))
  assert.throws(() => assertEpochsRiseByOne(log(START, LOSS, { ...SETTLED, transaction: '4' })))
})

test('a second writer under one epoch is found, and a write of an epoch that is over', () => {
  assert.throws(() => assertOneWriterAnEpoch(log(START, PAGE, { ...PAGE, writer: 'worker 2' })))
  assert.throws(() => assertOneWriterAnEpoch(log(START, LOSS, SETTLED, TAKEN, PAGE)))
})

test('two runs of one mailbox at once are found', () => {
  assert.throws(() => assertOneRunAMailbox(log(START, { ...START, extraction_id: 'e2' })))
})

test('mail that is written without a claim, or under that of another, is found', () => {
  const mail = { transaction: '2', writer: 'worker 1', table: 'emails', mailbox_id: '1' }
  const withMail = (changes: Partial<typeof mail>) => ({ extractions: [START, PAGE], mail: [{ ...mail, ...changes }] })
  assert.throws(() => assertMailIsWrittenUnderAClaim(withMail({ transaction: '9' })))
  assert.throws(() => assertMailIsWrittenUnderAClaim(withMail({ mailbox_id: '2' })))
  assert.throws(() => assertMailIsWrittenUnderAClaim(withMail({ writer: 'worker 2' })))
})
