import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppError } from '../errors.ts'
import {
  EXTRACTION_EVENTS,
  EXTRACTION_STATUSES,
  type ExtractionEvent,
  type ExtractionStatus,
  isEnded,
  moveRefused,
  movesOn,
  nextStatus,
} from './extraction-status.ts'

/** The specification, written out once more: each line a status, each word what an event makes of it (`-` refused). */
const SPECIFIED: Record<ExtractionStatus, string> = {
  //            start        pause    stop       continue     cancel      complete   fail       lose
  queued: '     in_progress  paused   -          -            cancelled   -          -          -',
  in_progress: '-            pausing  -          -            cancelling  completed  failed     queued',
  pausing: '    -            pausing  paused     in_progress  cancelling  completed  failed     paused',
  paused: '     -            paused   -          queued       cancelled   -          -          -',
  cancelling: ' -            -        cancelled  -            cancelling  cancelled  cancelled  cancelled',
  failed: '     -            -        -          queued       -           -          -          -',
  completed: '  -            -        -          -            -           -          -          -',
  cancelled: '  -            -        -          -            cancelled   -          -          -',
}

for (const status of EXTRACTION_STATUSES) {
  const words = SPECIFIED[status].trim().split(/\s+/)
  EXTRACTION_EVENTS.forEach((event, index) => {
    const wanted = words[index] === '-' ? undefined : words[index]
    test(`${status}, on ${event}: ${wanted ?? 'refused'}`, () => {
      assert.equal(nextStatus(status, event), wanted)
    })
  })
}

test('every move of an event is listed for those that move many at once', () => {
  for (const event of EXTRACTION_EVENTS) {
    const wanted = EXTRACTION_STATUSES.filter((status) => nextStatus(status, event) !== undefined)
    assert.deepEqual(
      movesOn(event).map(({ from }) => from),
      wanted,
    )
  }
})

test('from every status that has not ended there is a way to an end', () => {
  for (const status of EXTRACTION_STATUSES.filter((one) => !isEnded(one))) {
    const reached = new Set<ExtractionStatus>([status])
    for (const from of reached) {
      for (const event of EXTRACTION_EVENTS) {
        const to = nextStatus(from, event)
        if (to) reached.add(to)
      }
    }
    assert.ok([...reached].some(isEnded), `${status} is stuck`)
  }
})

test('a worker that is lost never leaves its extraction running', () => {
  for (const { from, to } of movesOn('lose')) {
    assert.ok(!['in_progress', 'pausing', 'cancelling'].includes(to), `${from} stays ${to}`)
  }
})

test('a refused move says what forbids it', () => {
  const refusal = (status: ExtractionStatus, event: ExtractionEvent): AppError => moveRefused(status, event)
  assert.equal(refusal('completed', 'continue').message, 'Cancelled or completed tasks cannot be resumed')
  assert.equal(refusal('failed', 'cancel').code, 'move_refused')
  assert.deepEqual(refusal('failed', 'cancel').fields, { status: 'failed' })
})
