import { type Static, type TSchema, Type } from 'typebox'
import { ERROR_CODES } from '../errors.ts'
import { EXTRACTION_STATUSES } from '../extractions/extraction-status.ts'
import { Email } from './contract-email.ts'

export { Email } from './contract-email.ts'

/**
 * What our API takes and answers. Validation, types, the OpenAPI document, the client and the command line
 * are all made from these schemas. `x-refusal` is what we say of a value that a pattern refuses.
 */
const closed = { additionalProperties: false } as const
const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const time = () => Type.String({ format: 'date-time', examples: ['2026-01-31T08:15:00.000Z'] })
const count = (description?: string) => Type.Integer({ minimum: 0, ...(description && { description }) })

export const BASE_PATH = '/api/emails'

// Control characters, and halves of characters, which no UTF-8 can hold.
const CONTROL = '\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff'

export const Address = Type.String({
  // One @, a dot in what follows it, and nothing that no directory allows; whether it exists, Graph says.
  pattern: `^(?=.{3,320}$)[^\\s@/${CONTROL}]+@[^\\s@/.${CONTROL}]+(\\.[^\\s@/.${CONTROL}]+)+$`,
  'x-refusal': 'is not an e-mail address',
  description: 'The user principal name of a mailbox',
  examples: ['user@example.com'],
})

const pathId = (description: string, example: string) =>
  Type.String({
    pattern: `^[^/${CONTROL}]{1,256}$`,
    'x-refusal': 'must be 1 to 256 characters, percent-encoded, without "/" and control characters',
    description,
    examples: [example],
  })

export const ConnectionParams = Type.Object({
  connection_id: pathId("The caller's own name for a mailbox link, bound to its mailbox by the first start", 'conn1'),
})
export const BatchParams = Type.Object({
  batch_id: pathId('As answered by the start of the batch', 'batch_8c1f6c0e-5f0e-4d0c-9a51-0d4a8c7c2f11'),
})

const word = (description: string) =>
  Type.String({
    pattern: `^[^\\s${CONTROL}]{1,1024}$`,
    'x-refusal': 'must be 1 to 1024 characters without spaces',
    description,
  })

const configValues = {
  tenant_id: Type.Optional(
    Type.String({
      // It becomes part of the address of the login.
      pattern: '^(?!\\.+$)[\\w.-]{1,256}$',
      'x-refusal': 'must be the id of a tenant or one of its domains',
      description: 'Else TENANT_ID of the environment',
    }),
  ),
  outlook_client_id: Type.Optional(word('Else OUTLOOK_CLIENT_ID')),
  outlook_client_secret: Type.Optional(word('Else OUTLOOK_CLIENT_SECRET. Never answered or logged')),
}
const configDescription = 'The Entra app that reads the mailbox; what is left out comes from the environment'

const receivedTime = (description: string) =>
  Type.String({
    pattern: '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?(Z|[+-]\\d{2}:\\d{2}))?$',
    'x-refusal':
      'is neither a date (2026-01-31, which begins at midnight UTC) nor a time with its zone (2026-01-31T08:15:00Z)',
    description,
    examples: ['2026-01-31', '2026-01-31T08:15:00Z'],
  })

const folderWords = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), {
      maxItems: 1000,
      description,
      examples: [['Inbox/Projects', 'sentitems']],
    }),
  )

export const Options = Type.Object(
  {
    folders: Type.Optional(
      Type.Object(
        {
          include: folderWords(
            'Folder paths or well-known names, each with all below it; absent or empty: every folder',
          ),
          exclude: folderWords('The same words; exclude wins over include'),
        },
        closed,
      ),
    ),
    body: Type.Optional(Type.Enum(['html', 'text', 'both'], { default: 'html', description: 'Which form is kept' })),
    attachments: Type.Optional(
      Type.Enum(['none', 'metadata', 'content'], {
        default: 'content',
        description: 'Nothing of attachments, what Graph lists of them, or their content too',
      }),
    ),
    mime: Type.Optional(
      Type.Boolean({ default: false, description: 'Also each message as RFC 822 text, at one request each' }),
    ),
    include_hidden: Type.Optional(Type.Boolean({ default: true })),
    include_recoverable: Type.Optional(
      Type.Boolean({ default: false, description: 'Also the folder of soft-deleted items' }),
    ),
    received_after: Type.Optional(receivedTime('Only mail received at this time or later')),
    received_before: Type.Optional(receivedTime('Only mail received before this time')),
  },
  { ...closed, description: 'What is copied, and in which form' },
)
export type Options = Static<typeof Options>

export const StartBody = Type.Object(
  {
    user_upn: Type.Optional(Address),
    config: Type.Optional(
      Type.Object(
        { user_upn: Type.Optional(Address), ...configValues },
        { ...closed, description: `${configDescription}. user_upn is accepted here too` },
      ),
    ),
    options: Type.Optional(Options),
  },
  { ...closed, description: 'user_upn is needed, here or in config' },
)
export type StartBody = Static<typeof StartBody>

export const BatchStartBody = Type.Object(
  {
    user_upns: Type.Optional(Type.Array(Address, { description: 'The same user twice (case apart) counts once' })),
    group_id: Type.Optional(word('Object id of a group: its members, nested ones too')),
    all_users: Type.Optional(Type.Literal(true, { description: 'Every user of the tenant that may have a mailbox' })),
    exclude: Type.Optional(Type.Array(Address, { description: 'Addresses to leave out' })),
    config: Type.Optional(Type.Object(configValues, { ...closed, description: configDescription })),
    options: Type.Optional(Options),
  },
  { ...closed, description: 'Exactly one of user_upns, group_id and all_users' },
)
export type BatchStartBody = Static<typeof BatchStartBody>

const limit = (description: string) => Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description }))
const cursor = Type.Optional(Type.String({ maxLength: 512, description: 'next_cursor of the page before' }))

export const ResultQuery = Type.Object(
  {
    partial: Type.Optional(Type.Boolean({ description: 'Answer what is stored so far, in any state' })),
    limit: limit('Emails a page; without it the whole list is streamed'),
    cursor,
  },
  closed,
)
export const SkippedQuery = Type.Object({ limit: limit('Entries a page (100)'), cursor }, closed)
export const BatchUsersQuery = Type.Object(
  { status: Type.Optional(Type.Enum(EXTRACTION_STATUSES)), limit: limit('Members a page (100)'), cursor },
  closed,
)

export const Failure = Type.Object(
  {
    error: Type.String({ description: 'A sentence for a person' }),
    code: Type.Enum(ERROR_CODES, { description: 'A stable word for a program' }),
    details: Type.Optional(Type.Array(Type.String(), { description: 'One entry a problem, at most 20 and a count' })),
    status: Type.Optional(Type.String({ description: 'Of the extraction or batch, where it is the reason' })),
  },
  { description: 'Why the request was not carried out' },
)
export type Failure = Static<typeof Failure>

export const ExtractionStatusWord = Type.Enum(EXTRACTION_STATUSES)

export const ProgressAnswer = Type.Object({
  folders_total: count(),
  folders_done: count(),
  messages_total: count('As Graph counts the chosen folders: an estimate, for it also counts what is no mail'),
  messages_listed: count('Items accounted for: stored + unchanged + removed + skipped'),
  messages_stored: count('New or changed mail written by this run'),
  messages_unchanged: count('Already stored and the same'),
  messages_removed: count('Stored before, gone from the mailbox'),
  messages_skipped: count('Could not be fetched; the reasons are kept'),
  attachments_total: count(),
  attachments_stored: count(),
  attachments_skipped: count('In the ledger, with reasons'),
  bytes_stored: count(),
  requests: count('Sent to Graph'),
  retries: count(),
  throttled_seconds: Type.Number({ minimum: 0, description: 'Spent waiting because Graph asked for it' }),
  messages_per_second: Type.Number({ minimum: 0, description: 'Stored and unchanged, over the time spent copying' }),
  percent: Type.Number({ minimum: 0, maximum: 100, description: '100 only when completed' }),
  eta_seconds: orNull(Type.Integer({ minimum: 0 })),
})
export type ProgressAnswer = Static<typeof ProgressAnswer>

export const StatusRecord = Type.Object({
  connection_id: Type.String(),
  extraction_id: Type.String(),
  batch_id: orNull(Type.String()),
  user_upn: Type.String(),
  status: ExtractionStatusWord,
  created_at: time(),
  started_at: orNull(time()),
  completed_at: orNull(time()),
  error: orNull(Type.String({ description: 'Why the extraction failed' })),
  error_code: orNull(Type.Enum(ERROR_CODES)),
  waiting_for: orNull(Type.String({ description: 'Why nothing comes at present: Graph asks for a pause, say' })),
  progress: ProgressAnswer,
})
export type StatusRecord = Static<typeof StatusRecord>

export const NotStarted = Type.Object(
  { connection_id: Type.String(), status: Type.Literal('not_started') },
  { description: 'The connection was never started' },
)
export const StatusAnswer = Type.Union([StatusRecord, NotStarted])
export type StatusAnswer = Static<typeof StatusAnswer>

export const StartAnswer = Type.Object({
  connection_id: Type.String(),
  extraction_id: Type.String(),
  user_upn: Type.String(),
  status: ExtractionStatusWord,
  message: Type.String(),
})
export type StartAnswer = Static<typeof StartAnswer>

export const MoveAnswer = Type.Object({
  connection_id: Type.String(),
  status: ExtractionStatusWord,
  message: Type.String(),
})
export type MoveAnswer = Static<typeof MoveAnswer>

export const NotReady = Type.Object(
  {
    status: ExtractionStatusWord,
    error: Type.String({ examples: ['Result not ready: the extraction is in_progress'] }),
  },
  { description: 'There is no result yet' },
)

export const ResultAnswer = Type.Object({
  connection_id: Type.String(),
  extraction_id: Type.String(),
  user_upn: Type.String(),
  status: ExtractionStatusWord,
  started_at: orNull(time()),
  completed_at: orNull(time()),
  total: count('All stored emails of the mailbox, not only those of this page'),
  emails: Type.Array(Email, { description: 'Newest first' }),
  next_cursor: orNull(Type.String()),
})
export type ResultAnswer = Static<typeof ResultAnswer>

export const Health = Type.Object({ status: Type.Literal('ok'), version: Type.String() })
export type Health = Static<typeof Health>
