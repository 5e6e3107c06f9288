import type { Readable } from 'node:stream'
import { type Batch, batchStatus } from '../../extractions/batch.ts'
import type { BatchId, Extraction } from '../../extractions/extraction.ts'
import { type ExtractionStatus, isEnded } from '../../extractions/extraction-status.ts'
import type { ExtractionStore } from '../../extractions/extraction-store.ts'
import type { ApiDeps, ApiServer } from '../api-server.ts'
import { BatchParams, BatchUsersQuery, NotReady } from '../contract.ts'
import { BatchResultAnswer, BatchUsersAnswer } from '../contract-batch.ts'
import { decodeMemberCursor, encodeMemberCursor } from '../cursor.ts'
import { eachItem, jsonList, jsonMap, jsonObjectStream } from '../json-stream.ts'
import { presentExtraction } from '../present.ts'
import { presentBatchProgress } from '../progress.ts'
import { answer, failures, streamedAnswer } from './failures.ts'
import { notReadyMessage } from './results.ts'

const tags = ['Many mailboxes']
const SLICE = 1000
const DEFAULT_LIMIT = 100

/** What became of the members of a batch. */
export function batchResultRoutes(server: ApiServer, { commands, extractions }: ApiDeps): void {
  server.get(
    '/extract/batch/result/:batch_id',
    {
      schema: {
        tags,
        operationId: 'batchResult',
        summary: 'Who was copied, who failed and why',
        params: BatchParams,
        response: {
          200: streamedAnswer(BatchResultAnswer, 'Every member has ended'),
          202: answer(NotReady, 'Some have not'),
          ...failures('batch_not_found'),
        },
      },
    },
    async ({ params }, reply) => {
      const batch = await commands.getBatch(params.batch_id as BatchId)
      const status = batchStatus(batch)
      if (!isEnded(status)) {
        reply.code(202)
        return { batch_id: batch.id, status, error: notReadyMessage('batch', status) }
      }
      return reply.type('application/json; charset=utf-8').send(resultStream(batch, status, extractions))
    },
  )

  server.get(
    '/extract/batch/users/:batch_id',
    {
      schema: {
        tags,
        operationId: 'batchUsers',
        summary: 'One status record per member',
        params: BatchParams,
        querystring: BatchUsersQuery,
        response: { 200: answer(BatchUsersAnswer, 'A page of members'), ...failures('batch_not_found') },
      },
    },
    async ({ params, query: { status, limit = DEFAULT_LIMIT, cursor } }) => {
      const after = cursor === undefined ? undefined : decodeMemberCursor(cursor)
      const { id } = await commands.getBatch(params.batch_id as BatchId)
      const { items, next } = await extractions.listMembers(id, { status, limit, after })
      return {
        batch_id: id,
        users: items.map(presentExtraction),
        next_cursor: next === null ? null : encodeMemberCursor(next),
      }
    },
  )
}

function resultStream(batch: Batch, status: ExtractionStatus, extractions: ExtractionStore): Readable {
  const head = {
    batch_id: batch.id,
    status,
    started_at: batch.startedAt,
    completed_at: batch.completedAt,
    totals: presentBatchProgress(batch, status),
  }
  const members = (ended: ExtractionStatus) =>
    eachItem((after: number | undefined) => extractions.listMembers(batch.id, { status: ended, limit: SLICE, after }))
  const address = ({ userUpn }: Extraction) => JSON.stringify(userUpn)
  const reason = ({ userUpn, error }: Extraction) =>
    `${JSON.stringify(userUpn)}:${JSON.stringify({ code: error?.code, error: error?.message })}`

  return jsonObjectStream(head, [
    jsonList('processed_users', members('completed'), address),
    jsonList('failed_users', members('failed'), address),
    jsonList('cancelled_users', members('cancelled'), address),
    jsonMap('errors', members('failed'), reason),
  ])
}
