import { Client } from 'pg'
import { openPostgres } from '../src/storage/dialects/postgres.ts'
import { migrateToLatest } from '../src/storage/migrate.ts'
import { COLUMNS, valuesOf } from './floor-rows.ts'
import { type WalkTask, walk } from './floor-walk.ts'

// What floor.ts is for SQLite: page after page into Postgres, each as one statement and so one transaction.

export interface PostgresFloorTask extends WalkTask {
  folderId: string
  databaseUrl: string
}

/** For `unnest`; all others are text. */
const TYPES: Partial<Record<(typeof COLUMNS)[number], string>> = {
  mailbox_id: 'bigint',
  received_date_time: 'timestamptz',
  sent_date_time: 'timestamptz',
  created_date_time: 'timestamptz',
  last_modified_date_time: 'timestamptz',
  is_read: 'boolean',
  is_draft: 'boolean',
  has_attachments: 'boolean',
  categories: 'jsonb',
  flag: 'jsonb',
  removed_at: 'timestamptz',
  recipients: 'jsonb',
  internet_message_headers: 'jsonb',
}
const FLAGS = { yes: true, no: false }

const { databaseUrl, folderId, ...walkTask } = JSON.parse(process.argv[2] ?? '') as PostgresFloorTask
const database = await openDatabase()
const result = await copy()
await database.end()
process.stdout.write(`${JSON.stringify(result)}\n`)

/** The product's own schema, and the mailbox that the rows belong to. */
async function openDatabase(): Promise<Client> {
  {
    await using product = openPostgres(databaseUrl)
    await migrateToLatest(product)
  }
  const opened = new Client({ connectionString: databaseUrl })
  await opened.connect()
  await opened.query(`insert into mailboxes (id, object_id, user_upn, created_at) values (1, 'floor', 'floor', now())`)
  return opened
}

function copy() {
  const arrays = COLUMNS.map((column, index) => `$${index + 1}::${TYPES[column] ?? 'text'}[]`)
  const insert = {
    name: 'page', // parsed once
    text: `insert into emails (${COLUMNS.join(', ')}) select * from unnest(${arrays.join(', ')})`,
  }
  return walk(walkTask, async (messages) => {
    const rows = messages.map((message) => valuesOf(message, folderId, FLAGS))
    await database.query({ ...insert, values: COLUMNS.map((_, column) => rows.map((row) => row[column])) })
  })
}
