import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { ClientSecretCredential } from '@azure/identity'
import { Client, PageIterator } from '@microsoft/microsoft-graph-client'
import type { MailFolder, Message } from '@microsoft/microsoft-graph-types'
import { Agent, fetch as undiciFetch } from 'undici'
import { type Simulator, startSimulator } from './simulator.ts'

// Microsoft's own client and login library walk the simulator, neither changed nor told what it is, and every property
// they are given must be one that Microsoft's types know at that place.

const ADELE = 'adele.vance@contoso.example'
const ODD = 'odd@example.com'

let simulator: Simulator
let agent: Agent
let client: Client
const strangers = new Set<string>()

before(async () => {
  simulator = await startSimulator({ mailboxes: [{ name: ODD, odd: 'all' }] })
  agent = new Agent({ connect: { ca: simulator.ca } })
  const { tenantId, clientId, clientSecret, url, ca } = simulator
  const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, {
    authorityHost: url,
    disableInstanceDiscovery: true,
    tlsOptions: { ca },
  })
  const types = readTypes()
  client = Client.initWithMiddleware({
    baseUrl: url,
    middleware: {
      async execute(context) {
        const token = await credential.getToken('https://graph.microsoft.com/.default')
        const address = typeof context.request === 'string' ? context.request : context.request.url
        const headers = {
          ...(context.options?.headers as Record<string, string>),
          authorization: `Bearer ${token.token}`,
        }
        const answer = await undiciFetch(address, {
          method: context.options?.method ?? 'GET',
          headers,
          dispatcher: agent,
        })
        if (answer.headers.get('content-type')?.includes('json'))
          checkProperties(types, address, await answer.clone().json(), strangers)
        context.response = answer as unknown as Response
      },
    },
  })
})

after(async () => {
  await agent.destroy()
  await simulator.close()
})

test("Microsoft's client walks every folder and message and finds exactly the truth", async () => {
  const truth = [...simulator.truth(ADELE)]
  const folders = await foldersOf(`/users/${ADELE}/mailFolders`)
  const listed = truth.filter((line) => line.type === 'folder' && line.listed)
  assert.deepEqual(folders.map(({ id }) => id).sort(), listed.map(({ id }) => id).sort())

  const found: Message[] = []
  for (const folder of folders.filter((folder) => !isSearchFolder(folder))) {
    found.push(...(await all<Message>(`/users/${ADELE}/mailFolders/${folder.id}/messages?$top=200`)))
  }
  const inListed = new Set(listed.map(({ id }) => id))
  const expected = truth.flatMap((line) => (line.type === 'message' && inListed.has(line.folder_id) ? [line] : []))
  assert.deepEqual(
    found
      .map(({ id, subject, changeKey, isRead, parentFolderId }) =>
        [id, subject, changeKey, isRead, parentFolderId].join(),
      )
      .sort(),
    expected.map((line) => [line.id, line.subject, line.change_key, line.is_read, line.folder_id].join()).sort(),
  )
  assert.equal(new Set(found.map(({ id }) => id)).size, found.length)
  assert.ok(found.length > 1000)
})

test("Microsoft's client reads users, groups, single messages, attachments and delta pages", async () => {
  const users = await all<{ userPrincipalName: string }>(
    '/users?$select=id,userPrincipalName,mail,displayName,userType,accountEnabled,assignedLicenses&$top=7',
  )
  assert.ok(users.some(({ userPrincipalName }) => userPrincipalName === ADELE))
  await all('/users?$top=999')
  const changed = await all<MailFolder>(`/users/${ADELE}/mailFolders/delta`, 'odata.maxpagesize=7')
  const visible = (await foldersOf(`/users/${ADELE}/mailFolders`)).filter(({ isHidden }) => !isHidden)
  assert.deepEqual(changed.map(({ id }) => id).sort(), visible.map(({ id }) => id).sort())
  const [group] = await all<{ id: string }>('/groups')
  await all(`/groups/${group?.id}/members`)
  for (const message of (await all<Message>(`/users/${ADELE}/mailFolders/inbox/messages?$top=100`)).slice(0, 100)) {
    await client.api(`/users/${ADELE}/messages/${message.id}?$select=uniqueBody,internetMessageHeaders,subject`).get()
    if (message.hasAttachments) await client.api(`/users/${ADELE}/messages/${message.id}/attachments`).get()
  }
  const changes = await all<Message>(`/users/${ADELE}/mailFolders/inbox/messages/delta`, 'odata.maxpagesize=100')
  const inbox = [...simulator.truth(ADELE)].find((line) => line.type === 'folder' && line.alias === 'inbox')
  assert.equal(changes.length, inbox?.type === 'folder' ? inbox.total : 0)
})

test("Microsoft's client reads every kind of item and of attachment", async () => {
  const types = new Set<unknown>()
  for (const message of await all<Message>(`/users/${ODD}/messages?$top=20`)) {
    types.add((message as Record<string, unknown>)['@odata.type'])
    const path = `/users/${ODD}/messages/${message.id}`
    await client.api(`${path}?$select=internetMessageHeaders&$expand=attachments($select=id,name)`).get()
    const { value } = (await client.api(`${path}/attachments?$select=id,size`).get()) as { value: { id: string }[] }
    for (const { id } of value.slice(0, 20)) {
      const read = () => client.api(`${path}/attachments/${id}`).get()
      try {
        types.add(((await read()) as Record<string, unknown>)['@odata.type'])
      } catch (error) {
        assert.equal((error as { code: string }).code, 'ErrorCannotOpenFileAttachment')
      }
    }
  }
  await all(`/users/${ODD}/mailFolders/inbox/messages/delta`)
  assert.deepEqual([...types].map(String).sort(), [
    '#microsoft.graph.calendarSharingMessage',
    '#microsoft.graph.eventMessage',
    '#microsoft.graph.eventMessageRequest',
    '#microsoft.graph.eventMessageResponse',
    '#microsoft.graph.fileAttachment',
    '#microsoft.graph.itemAttachment',
    '#microsoft.graph.referenceAttachment',
    'undefined',
  ])
})

test('every property of every answer is known to the Microsoft Graph types at its place', () => {
  assert.deepEqual([...strangers], [])
})

async function foldersOf(path: string): Promise<MailFolder[]> {
  const folders = await all<MailFolder>(`${path}?includeHiddenFolders=true`)
  const below = await Promise.all(folders.map(({ id }) => foldersOf(`/users/${ADELE}/mailFolders/${id}/childFolders`)))
  return [...folders, ...below.flat()]
}

async function all<Entity>(path: string, prefer?: string): Promise<Entity[]> {
  const found: Entity[] = []
  const headers = { Prefer: ['IdType="ImmutableId"', prefer].filter(Boolean).join(', ') }
  const first = await client.api(path).headers(headers).get()
  const iterator = new PageIterator(client, first, (entity) => found.push(entity as Entity) > 0, { headers })
  await iterator.iterate()
  return found
}

function isSearchFolder(folder: MailFolder): boolean {
  return (folder as Record<string, unknown>)['@odata.type'] === '#microsoft.graph.mailSearchFolder'
}

// The types exist only as text; this reads "export interface X extends Y { name?: Type; }" out of it.

type Types = Map<string, { base: string | undefined; properties: Map<string, string> }>

function readTypes(): Types {
  const file = createRequire(import.meta.url)
    .resolve('@microsoft/microsoft-graph-types/package.json')
    .replace('package.json', 'microsoft-graph.d.ts')
  const types: Types = new Map()
  for (const [, name = '', base, body = ''] of readFileSync(file, 'utf8').matchAll(
    /^export interface (\w+)(?: extends (\w+))? \{(\}|[\s\S]*?^\})/gm,
  )) {
    const properties = new Map(
      [...body.matchAll(/^ {4}(\w+)\?: ([^;]+);/gm)].map(([, property = '', type = '']) => [
        property,
        type.replace('NullableOption<', '').match(/[A-Z]\w+/)?.[0] ?? '',
      ]),
    )
    types.set(name, { base, properties })
  }
  return types
}

const ROOTS: [RegExp, string][] = [
  [/attachments/, 'FileAttachment'],
  [/\/messages/, 'Message'],
  [/mailFolders|childFolders/, 'MailFolder'],
  [/members|\/users/, 'User'],
  [/\/groups/, 'Group'],
]

function checkProperties(types: Types, address: string, body: unknown, found: Set<string>): void {
  const type = ROOTS.find(([path]) => path.test(new URL(address).pathname))?.[1]
  assert.ok(type, `No type for ${address}`)
  const page = body as { value?: unknown[]; error?: object }
  if (page.error) return
  if (Array.isArray(page.value)) {
    checkEnvelope(page, found)
    for (const item of page.value) checkObject(types, type, item, found)
  } else checkObject(types, type, body, found)
}

function checkEnvelope(page: object, found: Set<string>): void {
  for (const name of Object.keys(page)) {
    if (!['value', '@odata.context', '@odata.nextLink', '@odata.deltaLink', '@odata.count'].includes(name))
      found.add(`page.${name}`)
  }
}

function checkObject(types: Types, type: string, value: unknown, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) checkObject(types, type, item, found)
    return
  }
  const ownType = '@odata.type' in value ? String(value['@odata.type']).replace('#microsoft.graph.', '') : type
  const actual = ownType.charAt(0).toUpperCase() + ownType.slice(1)
  for (const [name, inner] of Object.entries(value)) {
    if (/^@(odata\.(type|etag|context|mediaContentType)|removed)$/.test(name)) continue
    const known = propertyType(types, actual, name)
    if (known === undefined) found.add(`${actual}.${name}`)
    else checkObject(types, known, inner, found)
  }
}

function propertyType(types: Types, type: string, property: string): string | undefined {
  const entry = types.get(type)
  return (
    entry &&
    (entry.properties.get(property) ??
      (entry.base === undefined ? undefined : propertyType(types, entry.base, property)))
  )
}
