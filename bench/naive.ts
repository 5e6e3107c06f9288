import { ClientSecretCredential } from '@azure/identity'
import { Client, PageIterator } from '@microsoft/microsoft-graph-client'
import { TokenCredentialAuthenticationProvider } from '@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js'
import type { Message, Recipient } from '@microsoft/microsoft-graph-types'
import SqliteHandle from 'better-sqlite3'
import { Semaphore } from '../src/copying/semaphore.ts'

// What somebody would write in an afternoon who needs the mail of one folder, with Microsoft's own client, in two ways.

export interface NaiveTask {
  way: 'page by page' | 'message by message'
  graphUrl: string
  tenantId: string
  clientId: string
  clientSecret: string
  userUpn: string
  databasePath: string
}

export interface NaiveResult {
  seconds: number
  messages: number
}

const THREADS = 8
/** As many as Graph serves at once for one mailbox: more would be refused, and have to wait. */
const IN_FLIGHT = 4
const IDS_AT_ONCE = 500

const task = JSON.parse(process.argv[2] ?? '') as NaiveTask
const database = openDatabase(task.databasePath)
const startedAt = performance.now()
if (task.way === 'page by page') await copyPageByPage(task, database)
else await copyMessageByMessage(task, database)
const seconds = (performance.now() - startedAt) / 1000
process.stdout.write(`${JSON.stringify({ seconds, messages: database.count() })}\n`)

/** Microsoft's PageIterator with the page size that Graph takes when nobody asks for one. */
async function copyPageByPage(task: NaiveTask, { save }: Table): Promise<void> {
  const client = openClient(task)
  const first = await client.api(`/users/${task.userUpn}/mailFolders/inbox/messages`).get()
  const iterator = new PageIterator(client, first, (message: Message) => {
    save(message)
    return true
  })
  await iterator.iterate()
}

/** The ids first, and then each message by itself, on eight threads. */
async function copyMessageByMessage(task: NaiveTask, { save }: Table): Promise<void> {
  const client = openClient(task)
  const ids = await idsOfInbox(client, task.userUpn)
  const slots = new Semaphore(IN_FLIGHT)
  const never = new AbortController().signal
  const left = ids.values()
  const thread = async () => {
    for (const id of left) {
      const release = await slots.acquire(never)
      const message: Message = await client.api(`/users/${task.userUpn}/messages/${id}`).get()
      release()
      save(message)
    }
  }
  await Promise.all(Array.from({ length: THREADS }, thread))
}

async function idsOfInbox(client: Client, userUpn: string): Promise<string[]> {
  const ids: string[] = []
  const path = `/users/${userUpn}/mailFolders/inbox/messages`
  const first = await client.api(path).select('id').top(IDS_AT_ONCE).get()
  const iterator = new PageIterator(client, first, ({ id }: { id: string }) => ids.push(id) > 0)
  await iterator.iterate()
  return ids
}

function openClient({ graphUrl, tenantId, clientId, clientSecret }: NaiveTask): Client {
  const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, {
    authorityHost: graphUrl,
    disableInstanceDiscovery: true,
  })
  const scopes = ['https://graph.microsoft.com/.default']
  const authProvider = new TokenCredentialAuthenticationProvider(credential, { scopes })
  return Client.initWithMiddleware({ baseUrl: graphUrl, authProvider, customHosts: new Set(['localhost']) })
}

interface Table {
  /** One row, and one transaction for it. */
  save(message: Message): void
  count(): number
}

function openDatabase(path: string): Table {
  const handle = new SqliteHandle(path)
  handle.exec(`create table emails (id text primary key, subject text, sender text, recipients text,
    received_date_time text, is_read integer, has_attachments integer, importance text, body_type text, body text)`)
  const insert = handle.prepare('insert into emails values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  return {
    save(message) {
      insert.run(
        message.id,
        message.subject,
        addressOf(message.from),
        [...(message.toRecipients ?? []), ...(message.ccRecipients ?? [])].map(addressOf).join(', '),
        message.receivedDateTime,
        message.isRead ? 1 : 0,
        message.hasAttachments ? 1 : 0,
        message.importance,
        message.body?.contentType,
        message.body?.content,
      )
    },
    count: () => handle.prepare<[], number>('select count(*) from emails').pluck().get() ?? 0,
  }
}

function addressOf(recipient: Recipient | null | undefined): string | null {
  return recipient?.emailAddress?.address ?? null
}
