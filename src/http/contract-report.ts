import { type Static, Type } from 'typebox'
import { ExtractionStatusWord } from './contract.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })

const FolderReportAnswer = Type.Object({
  path: Type.String(),
  listed_by_graph: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
    description: 'Messages that Graph counted when the folder had been walked; null while it has not',
  }),
  stored: count('New or changed mail written by the run'),
  unchanged: count('Already stored and the same'),
  removed: count('Stored before, gone from the folder'),
  skipped: count('Could not be had by the run'),
  held: count('Stored at present and not removed'),
  in_ledger: count('In the ledger at present'),
})

export const ReportAnswer = Type.Object({
  connection_id: Type.String(),
  extraction_id: Type.String(),
  user_upn: Type.String(),
  status: ExtractionStatusWord,
  complete: Type.Boolean({ description: 'Every message that Graph lists in the chosen folders is stored' }),
  reasons: Type.Array(Type.String(), { description: 'Why not' }),
  notes: Type.Array(Type.String(), { description: 'Worth knowing, and no reason against' }),
  folders: Type.Array(FolderReportAnswer),
})
export type ReportAnswer = Static<typeof ReportAnswer>

export const SkippedAnswer = Type.Object({
  connection_id: Type.String(),
  skipped: Type.Array(
    Type.Object({
      message_id: Type.String(),
      part: Type.Enum(['message', 'attachments', 'attachment'], {
        description: 'The message itself, its list of attachments, or one attachment of a message that is stored',
      }),
      attachment_id: Type.Union([Type.String(), Type.Null()]),
      folder_path: Type.String(),
      code: Type.String({ description: 'The word of Graph for why, or `unreadable` where it gave none' }),
      reason: Type.String(),
      attempts: count('Runs that tried'),
      first_seen: Type.String({ format: 'date-time' }),
      last_seen: Type.String({ format: 'date-time' }),
    }),
  ),
  next_cursor: Type.Union([Type.String(), Type.Null()]),
})
export type SkippedAnswer = Static<typeof SkippedAnswer>
