import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../errors.ts'
import { never, startFakeGraph } from './testing/fake-graph.ts'
import { json, refuse } from './testing/scripted-server.ts'

const MEMBERS = '/groups/g%2F1/transitiveMembers'
const group = { kind: 'group', groupId: 'g/1' } as const
const all = { kind: 'all_users' } as const
const user = (name: string, more: Record<string, unknown> = {}) => ({
  id: name,
  userPrincipalName: `${name}@contoso.example`,
  ...more,
})

test('all users are listed page by page; guests and users without an address are left out', async () => {
  await using fake = await startFakeGraph()
  const next = `${fake.url}/v1.0/users?$skiptoken=2`
  const value = [
    user('ann', { userType: 'Member' }),
    user('gus', { userType: 'Guest' }),
    { id: 'x', userPrincipalName: null },
  ]
  fake.routes['/users'] = [json({ value, '@odata.nextLink': next }), json({ value: [user('bob')] })]

  const first = await fake.graph.directory.listUsers(all, null, {}, never)
  assert.deepEqual(first, { userUpns: ['ann@contoso.example'], next })
  const second = await fake.graph.directory.listUsers(all, first.next, {}, never)
  assert.deepEqual(second, { userUpns: ['bob@contoso.example'], next: null })
  assert.match(fake.requests[0]?.url ?? '', /\$select=id,userPrincipalName,mail,userType&\$top=999/)
})

test('of the members of a group, however nested, users are kept and the rest is left out', async () => {
  const typed = (type: string) => ({ '@odata.type': `#microsoft.graph.${type}` })
  const value = [user('ann', typed('user')), user('pc', typed('device')), { id: 'g2', ...typed('group') }]
  await using fake = await startFakeGraph({ [MEMBERS]: [json({ value })] })
  const page = await fake.graph.directory.listUsers(group, null, {}, never)
  assert.deepEqual(page, { userUpns: ['ann@contoso.example'], next: null })
})

test('a group that is not there, and a directory that is closed, are clear errors', async () => {
  const rows = [
    { refused: refuse(404, 'Request_ResourceNotFound'), code: 'group_not_found' },
    { refused: refuse(403, 'Authorization_RequestDenied'), code: 'directory_access_denied' },
  ]
  for (const { refused, code } of rows) {
    await using fake = await startFakeGraph({ [MEMBERS]: [refused] })
    await assert.rejects(
      fake.graph.directory.listUsers(group, null, {}, never),
      (error) => error instanceof AppError && error.code === code,
    )
  }
})

test('a link that has gone stale, or belongs to another address, begins the listing anew', async () => {
  await using fake = await startFakeGraph()
  fake.routes['/users'] = [refuse(400, 'Directory_ExpiredPageToken'), json({ value: [user('ann')] })]
  for (const link of [`${fake.url}/v1.0/users?$skiptoken=2`, 'https://elsewhere.example/v1.0/users?$skiptoken=2']) {
    const page = await fake.graph.directory.listUsers(all, link, {}, never)
    assert.deepEqual(page.userUpns, ['ann@contoso.example'])
  }
})
