import type { Readable } from 'node:stream'
import type { EmailPosition, EmailReader } from '../../copying/stored-email.ts'
import type { ConnectionId, Extraction } from '../../extractions/extraction.ts'
import type { ExtractionStatus } from '../../extractions/extraction-status.ts'
import type { ApiDeps, ApiServer } from '../api-server.ts'
import { ConnectionParams, NotReady, ResultAnswer, ResultQuery } from '../contract.ts'
import { decodeEmailCursor, encodeEmailCursor } from '../cursor.ts'
import { eachItem, jsonList, jsonObjectStream } from '../json-stream.ts'
import { presentEmail } from '../present.ts'
import { invalidRequest } from '../problems.ts'
import { answer, failures, streamedAnswer } from './failures.ts'

// Mail read at once for one reader: with bodies some megabytes, and few enough queries for a large mailbox.
const SLICE = 200

/** The stored mail of a connection. */
export function resultRoutes(server: ApiServer, { commands, emails }: ApiDeps): void {
  server.get(
    '/extract/result/:connection_id',
    {
      schema: {
        tags: ['One mailbox'],
        operationId: 'extractionResult',
        summary: 'The stored mail, newest first',
        description:
          'Without `limit` the whole list is streamed as one object. A connection that breaks off before its end means that the list is not whole.',
        params: ConnectionParams,
        querystring: ResultQuery,
        response: {
          200: streamedAnswer(ResultAnswer, 'The mail'),
          202: answer(NotReady, 'The extraction has not completed; `partial=true` answers what is stored'),
          ...failures('extraction_not_found'),
        },
      },
    },
    async ({ params, query: { partial, limit, cursor } }, reply) => {
      if (cursor !== undefined && limit === undefined) throw invalidRequest('cursor: needs limit beside it')
      const after = cursor === undefined ? undefined : decodeEmailCursor(cursor)
      const extraction = await commands.get(params.connection_id as ConnectionId)
      if (extraction.status !== 'completed' && partial !== true) return reply.code(202).send(notReady(extraction))

      const head = await resultHead(extraction, emails)
      if (limit !== undefined) return resultPage(head, extraction, emails, { limit, after })
      return reply.type('application/json; charset=utf-8').send(resultStream(head, extraction, emails))
    },
  )
}

function notReady({ connectionId, status }: Extraction) {
  return { connection_id: connectionId, status, error: notReadyMessage('extraction', status) }
}

export function notReadyMessage(subject: 'extraction' | 'batch', status: ExtractionStatus): string {
  const hint = subject === 'extraction' ? '; ?partial=true answers what is stored so far' : ''
  return `Result not ready: the ${subject} is ${status}${hint}`
}

async function resultHead(extraction: Extraction, emails: EmailReader) {
  return {
    connection_id: extraction.connectionId,
    extraction_id: extraction.id,
    user_upn: extraction.userUpn,
    status: extraction.status,
    started_at: extraction.startedAt,
    completed_at: extraction.completedAt,
    total: await emails.countEmails(extraction.id),
  }
}
type ResultHead = Awaited<ReturnType<typeof resultHead>>

async function resultPage(
  head: ResultHead,
  { id }: Extraction,
  emails: EmailReader,
  query: { limit: number; after: EmailPosition | undefined },
): Promise<ResultAnswer> {
  const { items, next } = await emails.listEmails(id, query)
  return { ...head, emails: items.map(presentEmail), next_cursor: next && encodeEmailCursor(next) }
}

function resultStream(head: ResultHead, { id }: Extraction, emails: EmailReader): Readable {
  const stored = eachItem((after: EmailPosition | undefined) => emails.listEmails(id, { limit: SLICE, after }))
  const list = jsonList('emails', stored, (email) => JSON.stringify(presentEmail(email)))
  return jsonObjectStream(head, [list], { next_cursor: null })
}
