import { gunzipSync } from 'node:zlib'
import SqliteHandle from 'better-sqlite3'
import { Agent, request } from 'undici'
import type { WireMessage, WireRecipient } from '../src/graph/wire.ts'
import { openSqlite } from '../src/storage/dialects/sqlite.ts'
import { migrateToLatest } from '../src/storage/migrate.ts'
import { type LoginTask, logIn } from './log-in.ts'
import { busySeconds } from './processes.ts'

// The least program that does the job, as a good engineer would write it who needs nothing else: a token, then page
// after page through undici and JSON.parse into SQLite. What it does and does not do, and why: README.md beside this.

/** What the service comes to with bodies of 6 kB: larger pages would be above the megabyte that it calls light. */
const PAGE_SIZE = 200

export interface FloorTask {
  login: LoginTask
  /** Of the Inbox. */
  firstPage: string
  folderId: string
  databasePath: string
  pageSize?: number
  /** Without the index by time, which serves reading. */
  bare: boolean
}

export interface FloorResult {
  seconds: number
  cpuSeconds: number
  /** Of all programs in that time. */
  busySeconds: number
}

const COLUMNS = [
  'mailbox_id',
  'id',
  'parent_folder_id',
  'change_key',
  'message_type',
  'subject',
  'received_date_time',
  'sent_date_time',
  'created_date_time',
  'last_modified_date_time',
  'is_read',
  'is_draft',
  'has_attachments',
  'importance',
  'conversation_id',
  'internet_message_id',
  'categories',
  'flag',
  'inference_classification',
  'removed_at',
  'body_type',
  'body_kept',
  'web_link',
  'body_preview',
  'recipients',
  'internet_message_headers',
  'body',
  'body_text',
]

// Measured: in the 16 kB pieces that are Node's default it takes a few percent longer, and off the main thread a third,
// for nothing else is there to be done meanwhile.
const GUNZIP_CHUNK_BYTES = 256 * 1024

interface WirePage {
  value: WireMessage[]
  '@odata.nextLink'?: string
}

const task = JSON.parse(process.argv[2] ?? '') as FloorTask
const database = await openDatabase(task)
const result = await copy(task, database)
database.close()
process.stdout.write(`${JSON.stringify(result)}\n`)

/** The product's own schema and pragmas, and the mailbox that the rows belong to. */
async function openDatabase({ databasePath, bare }: FloorTask): Promise<SqliteHandle.Database> {
  {
    await using product = openSqlite(databasePath)
    await migrateToLatest(product)
  }
  const opened = new SqliteHandle(databasePath)
  opened.pragma('journal_mode = WAL')
  opened.pragma('synchronous = NORMAL')
  opened.pragma('foreign_keys = ON')
  opened.exec(`insert into mailboxes (id, object_id, user_upn, created_at) values (1, 'floor', 'floor', '')`)
  if (bare) opened.exec('drop index emails_newest')
  return opened
}

async function copy({ firstPage, folderId, login, pageSize = PAGE_SIZE }: FloorTask, database: SqliteHandle.Database) {
  const insert = database.prepare(
    `insert into emails (${COLUMNS.join(', ')}) values (${COLUMNS.map(() => '?').join(', ')})`,
  )
  const savePage = database.transaction((messages: WireMessage[]) => {
    for (const message of messages) insert.run(valuesOf(message, folderId))
  })
  const agent = new Agent()

  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  const busyBefore = busySeconds()
  const headers = {
    authorization: `Bearer ${await logIn(login, agent)}`,
    accept: 'application/json',
    'accept-encoding': 'gzip',
    prefer: `IdType="ImmutableId", odata.maxpagesize=${pageSize}`,
  }
  let link: string | undefined = firstPage
  while (link !== undefined) {
    const answer = await request(link, { dispatcher: agent, headers })
    if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${await answer.body.text()}`)
    const packed = await answer.body.bytes()
    const body: WirePage = JSON.parse(gunzipSync(packed, { chunkSize: GUNZIP_CHUNK_BYTES }).toString())
    savePage(body.value)
    link = body['@odata.nextLink']
  }
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const busy = busySeconds() - busyBefore
  await agent.close()
  return { seconds, cpuSeconds: (user + system) / 1e6, busySeconds: busy }
}

/** In the order of COLUMNS. */
function valuesOf(message: WireMessage, folderId: string): (string | number | null)[] {
  return [
    1,
    message.id,
    folderId,
    message.changeKey ?? null,
    message['@odata.type']?.slice('#microsoft.graph.'.length) ?? 'message',
    message.subject ?? null,
    message.receivedDateTime ?? null,
    message.sentDateTime ?? null,
    message.createdDateTime ?? null,
    message.lastModifiedDateTime ?? null,
    message.isRead ? 1 : 0,
    message.isDraft ? 1 : 0,
    message.hasAttachments ? 1 : 0,
    message.importance ?? null,
    message.conversationId ?? null,
    message.internetMessageId ?? null,
    JSON.stringify(message.categories ?? []),
    flagOf(message),
    message.inferenceClassification ?? null,
    null,
    message.body?.contentType ?? null,
    'html',
    message.webLink ?? null,
    message.bodyPreview ?? null,
    JSON.stringify(recipientsOf(message)),
    message.internetMessageHeaders ? JSON.stringify(message.internetMessageHeaders) : null,
    message.body?.content ?? null,
    null,
  ]
}

function flagOf({ flag }: WireMessage): string | null {
  if (!flag) return null
  return JSON.stringify({
    flag_status: flag.flagStatus,
    start_date_time: flag.startDateTime?.dateTime ?? null,
    due_date_time: flag.dueDateTime?.dateTime ?? null,
    completed_date_time: flag.completedDateTime?.dateTime ?? null,
  })
}

function recipientsOf(message: WireMessage): object[] {
  const all: object[] = []
  if (message.from) all.push(recipient('from', message.from))
  if (message.sender) all.push(recipient('sender', message.sender))
  for (const wire of message.toRecipients ?? []) all.push(recipient('to', wire))
  for (const wire of message.ccRecipients ?? []) all.push(recipient('cc', wire))
  for (const wire of message.bccRecipients ?? []) all.push(recipient('bcc', wire))
  for (const wire of message.replyTo ?? []) all.push(recipient('reply_to', wire))
  return all
}

function recipient(recipient_type: string, { emailAddress }: WireRecipient): object {
  return { recipient_type, email_address: emailAddress?.address ?? null, name: emailAddress?.name ?? null }
}
