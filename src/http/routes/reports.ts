import { type FolderReport, judge, type LedgerEntry } from '../../copying/report.ts'
import type { ConnectionId } from '../../extractions/extraction.ts'
import type { ApiDeps, ApiServer } from '../api-server.ts'
import { ConnectionParams, SkippedQuery, StartAnswer } from '../contract.ts'
import { ReportAnswer, SkippedAnswer } from '../contract-report.ts'
import { decodeLedgerCursor, encodeLedgerCursor } from '../cursor.ts'
import { presentStart } from '../present.ts'
import { refuseBody } from '../requests.ts'
import { answer, failures } from './failures.ts'

const tags = ['Proof']
const ENTRIES_A_PAGE = 100

/** What a run has to show for its word `completed`. */
export function reportRoutes(server: ApiServer, { commands, reports }: ApiDeps): void {
  server.get(
    '/extract/report/:connection_id',
    {
      schema: {
        tags,
        operationId: 'extractionReport',
        summary: 'Folder by folder, what Graph counts and what is stored',
        params: ConnectionParams,
        response: { 200: answer(ReportAnswer, 'The report'), ...failures('extraction_not_found') },
      },
    },
    async ({ params }) => {
      const extraction = await commands.get(params.connection_id as ConnectionId)
      const folders = await reports.reportFolders(extraction.id)
      const contents = await reports.reportContents(extraction.id)
      return {
        connection_id: extraction.connectionId,
        extraction_id: extraction.id,
        user_upn: extraction.userUpn,
        status: extraction.status,
        ...judge(extraction, folders, contents),
        folders: folders.map(presentFolder),
      }
    },
  )

  server.get(
    '/extract/skipped/:connection_id',
    {
      schema: {
        tags,
        operationId: 'skippedMessages',
        summary: 'The ledger: messages and attachments that Graph lists and could not give',
        params: ConnectionParams,
        querystring: SkippedQuery,
        response: { 200: answer(SkippedAnswer, 'A page of the ledger'), ...failures('extraction_not_found') },
      },
    },
    async ({ params, query: { limit = ENTRIES_A_PAGE, cursor } }) => {
      const after = cursor === undefined ? undefined : decodeLedgerCursor(cursor)
      const extraction = await commands.get(params.connection_id as ConnectionId)
      const { items, next } = await reports.listLedger(extraction.id, { limit, after })
      return {
        connection_id: extraction.connectionId,
        skipped: items.map(presentEntry),
        next_cursor: next && encodeLedgerCursor(next),
      }
    },
  )

  server.post(
    '/extract/retry-skipped/:connection_id',
    {
      preHandler: refuseBody,
      schema: {
        tags,
        operationId: 'retrySkipped',
        summary: 'Try the messages of the ledger again, and nothing else',
        params: ConnectionParams,
        response: {
          202: answer(StartAnswer, 'Queued'),
          ...failures('extraction_not_found', 'extraction_active', 'storage_full'),
        },
      },
    },
    async ({ params }, reply) => {
      const extraction = await commands.retrySkipped(params.connection_id as ConnectionId)
      reply.code(202)
      return presentStart(extraction, 'Retry of skipped messages started')
    },
  )
}

function presentFolder(folder: FolderReport): ReportAnswer['folders'][number] {
  const { path, listedByGraph, stored, unchanged, removed, skipped, held, inLedger } = folder
  return { path, listed_by_graph: listedByGraph, stored, unchanged, removed, skipped, held, in_ledger: inLedger }
}

function presentEntry(entry: LedgerEntry): SkippedAnswer['skipped'][number] {
  const { messageId, part, folderPath, code, reason, attempts, firstSeen, lastSeen } = entry
  return {
    message_id: messageId,
    part: part === '' ? 'message' : part === 'attachments' ? 'attachments' : 'attachment',
    attachment_id: part === '' || part === 'attachments' ? null : part,
    folder_path: folderPath,
    code,
    reason,
    attempts,
    first_seen: firstSeen,
    last_seen: lastSeen,
  }
}
