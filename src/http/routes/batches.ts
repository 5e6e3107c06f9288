import { batchStatus, totalUsers } from '../../extractions/batch.ts'
import type { BatchId } from '../../extractions/extraction.ts'
import type { ApiDeps, ApiServer } from '../api-server.ts'
import { BatchParams, BatchStartBody } from '../contract.ts'
import { BatchMoveAnswer, BatchStartAnswer, BatchStatusAnswer } from '../contract-batch.ts'
import { requireCredentials } from '../credentials.ts'
import { presentBatch } from '../present.ts'
import { readOptions, readSource, refuseBody } from '../requests.ts'
import { moveMessage } from './extractions.ts'
import { answer, failures } from './failures.ts'

const tags = ['Many mailboxes']

/** Starting, steering and watching a batch. */
export function batchRoutes(server: ApiServer, { commands, missingCredentials }: ApiDeps): void {
  server.post(
    '/extract/batch/start',
    {
      schema: {
        tags,
        operationId: 'startBatch',
        summary: 'Start copying many mailboxes',
        description:
          'Each member is an extraction of its own, with the connection id `{batch_id}:{user_upn}`. 100,000 users in one request are fine.',
        body: BatchStartBody,
        response: {
          202: answer(BatchStartAnswer, 'Queued'),
          ...failures('invalid_json', 'config_missing', 'payload_too_large', 'storage_full'),
        },
      },
    },
    async ({ body }, reply) => {
      const batch = await commands.startBatch({
        source: readSource(body),
        userUpns: body.user_upns ?? [],
        exclude: body.exclude ?? [],
        options: readOptions(body.options),
        credentials: requireCredentials(body.config, missingCredentials),
      })
      reply.code(202)
      return {
        batch_id: batch.id,
        status: batchStatus(batch),
        total_users: totalUsers(batch.counts),
        message: `Batch extraction started with ID: ${batch.id}`,
      }
    },
  )

  for (const move of ['pause', 'continue', 'cancel'] as const) {
    server.post(
      `/extract/batch/${move}/:batch_id`,
      {
        preHandler: refuseBody,
        schema: {
          tags,
          operationId: `${move}Batch`,
          summary: MOVES[move],
          description:
            'Acts on every member that has not ended; in a batch that failed, continue tries all failed again.',
          params: BatchParams,
          response: {
            200: answer(BatchMoveAnswer, 'Done, or to be done as each worker reaches a checkpoint'),
            ...failures('batch_not_found', 'move_refused', 'storage_full'),
          },
        },
      },
      async ({ params }) => {
        const batch = await commands[`${move}Batch`](params.batch_id as BatchId)
        const status = batchStatus(batch)
        return { batch_id: batch.id, status, message: moveMessage('Batch extraction', status) }
      },
    )
  }

  server.get(
    '/extract/batch/status/:batch_id',
    {
      schema: {
        tags,
        operationId: 'batchStatus',
        summary: 'Status, counts of users and the sum of their progress',
        params: BatchParams,
        response: { 200: answer(BatchStatusAnswer, 'The batch'), ...failures('batch_not_found') },
      },
    },
    async ({ params }) => presentBatch(await commands.getBatch(params.batch_id as BatchId)),
  )
}

const MOVES = {
  pause: 'Pause every member at its next checkpoint',
  continue: 'Continue every paused member',
  cancel: 'Stop every member for good',
}
