import type { ConnectionId } from '../../extractions/extraction.ts'
import type { ExtractionStatus } from '../../extractions/extraction-status.ts'
import type { ApiDeps, ApiServer } from '../api-server.ts'
import { ConnectionParams, MoveAnswer, StartAnswer, StartBody, StatusAnswer } from '../contract.ts'
import { requireCredentials } from '../credentials.ts'
import { presentExtraction, presentStart } from '../present.ts'
import { readOptions, readUserUpn, refuseBody } from '../requests.ts'
import { answer, failures } from './failures.ts'

const tags = ['One mailbox']

/** Starting, steering and watching the extraction of one mailbox. */
export function extractionRoutes(server: ApiServer, deps: ApiDeps): void {
  const { commands, extractions, missingCredentials } = deps

  server.post(
    '/extract/start/:connection_id',
    {
      schema: {
        tags,
        operationId: 'startExtraction',
        summary: 'Start copying a mailbox',
        description: 'After an end it starts a new run, which fetches only what is not stored yet or has changed.',
        params: ConnectionParams,
        body: StartBody,
        response: {
          202: answer(StartAnswer, 'Queued'),
          ...failures('invalid_json', 'config_missing', 'payload_too_large', 'extraction_active', 'connection_bound'),
          ...failures('storage_full'),
        },
      },
    },
    async ({ params, body }, reply) => {
      const extraction = await commands.start({
        connectionId: params.connection_id as ConnectionId,
        userUpn: readUserUpn(body),
        options: readOptions(body.options),
        credentials: requireCredentials(body.config, missingCredentials),
      })
      reply.code(202)
      return presentStart(extraction, 'Extraction started')
    },
  )

  for (const move of ['pause', 'continue', 'cancel'] as const) {
    server.post(
      `/extract/${move}/:connection_id`,
      {
        preHandler: refuseBody,
        schema: {
          tags,
          operationId: `${move}Extraction`,
          ...MOVES[move],
          params: ConnectionParams,
          response: {
            200: answer(MoveAnswer, 'Done, or to be done at the next checkpoint'),
            ...failures('extraction_not_found', 'move_refused', 'storage_full'),
          },
        },
      },
      async ({ params }) => {
        const { connectionId, status } = await commands[move](params.connection_id as ConnectionId)
        return { connection_id: connectionId, status, message: moveMessage('Extraction', status) }
      },
    )
  }

  server.get(
    '/extract/status/:connection_id',
    {
      schema: {
        tags,
        operationId: 'extractionStatus',
        summary: 'Status and progress',
        params: ConnectionParams,
        response: { 200: answer(StatusAnswer, 'The latest run, or `not_started`'), ...failures() },
      },
    },
    async ({ params }) => {
      const extraction = await extractions.findLatest(params.connection_id as ConnectionId)
      if (extraction) return presentExtraction(extraction)
      return { connection_id: params.connection_id, status: 'not_started' as const }
    },
  )
}

const MOVES = {
  pause: {
    summary: 'Pause at the next checkpoint',
    description: '`pausing` until the worker has stopped, then `paused`. Repeating is harmless.',
  },
  continue: {
    summary: 'Continue from the stored checkpoint',
    description: 'What is paused, pausing or failed goes on; what is completed or cancelled cannot.',
  },
  cancel: {
    summary: 'Stop for good',
    description: '`cancelling`, then `cancelled`. What is stored stays. Repeating is harmless.',
  },
}

const MESSAGES: Record<ExtractionStatus, string> = {
  queued: 'continued: it goes on as soon as a worker is free',
  in_progress: 'continued',
  pausing: 'is pausing: it stops at the next checkpoint',
  paused: 'paused',
  cancelling: 'is being cancelled: it stops at the next checkpoint',
  cancelled: 'cancelled',
  completed: 'completed',
  failed: 'failed',
}

/** What a move has come to, in words. */
export function moveMessage(subject: 'Extraction' | 'Batch extraction', status: ExtractionStatus): string {
  return `${subject} ${MESSAGES[status]}`
}
