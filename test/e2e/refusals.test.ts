import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { APP_WITHOUT_CONSENT, DISABLED_APP, EXPIRED_SECRET } from '../../simulator/login.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import type { ErrorCode } from '../../src/errors.ts'
import type { StartBody } from '../../src/http/contract.ts'
import { assertPerfectCopy } from '../support/copies.ts'
import { Service, TempFolder } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const USER = 'user@example.com'

let simulator: Simulator
let folder: TempFolder
let service: Service

before(async () => {
  simulator = await startSimulator()
  folder = new TempFolder()
  service = await Service.start(simulator, folder, { LOG_LEVEL: 'trace' })
})

after(async () => {
  await service[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
  await simulator.close()
})

/** Starts it, waits until it has failed, and checks what a person and a program are told. */
async function assertFails(connectionId: string, body: StartBody, code: ErrorCode, cure: RegExp): Promise<void> {
  await service.client.start(connectionId, body)
  const record = await untilStatus(service.client, connectionId, 'failed')
  assert.equal(record.error_code, code, connectionId)
  assert.match(record.error ?? '', cure, connectionId)
}

const MAILBOXES: Record<string, [code: ErrorCode, cure: RegExp]> = {
  nobody: ['mailbox_not_found', /Check the spelling/],
  invalid: ['mailbox_not_found', /Check the spelling/],
  nomailbox: ['mailbox_not_found', /Check the spelling/],
  onprem: ['mailbox_unavailable', /Assign an Exchange Online licence or migrate/],
  unlicensed: ['mailbox_unavailable', /Assign an Exchange Online licence/],
  nostore: ['mailbox_unavailable', /Assign an Exchange Online licence/],
  nolocation: ['mailbox_unavailable', /Assign an Exchange Online licence/],
  nothosted: ['mailbox_unavailable', /Assign an Exchange Online licence/],
  notsupported: ['mailbox_unavailable', /Assign an Exchange Online licence/],
  blocked: ['mailbox_access_blocked', /application access policy/],
  disabled: ['mailbox_access_blocked', /EwsApplicationAccessPolicy/],
  noconsent: ['mailbox_access_denied', /grants it the application permission Mail\.Read/],
  hidden: ['directory_access_denied', /User\.ReadBasic\.All/],
}

test('a mailbox that cannot be read fails with its own code and a sentence that names the cure', async () => {
  const check = ([name, [code, cure]]: [string, [ErrorCode, RegExp]]) =>
    assertFails(name, { user_upn: `${name}@contoso.example` }, code, cure)
  await Promise.all(Object.entries(MAILBOXES).map(check))
})

const WRONG_SECRET = 'wrong~secret-of.a_caller'
const LOGINS: Record<string, [config: NonNullable<StartBody['config']>, code: ErrorCode, cure: RegExp]> = {
  'wrong secret': [{ outlook_client_secret: WRONG_SECRET }, 'app_secret_invalid', /Use the value of the secret/],
  'expired secret': [{ outlook_client_secret: EXPIRED_SECRET }, 'app_secret_expired', /Make a new one/],
  'unknown app': [
    { outlook_client_id: '11111111-2222-3333-4444-555555555555' },
    'app_not_found',
    /Check the client id/,
  ],
  'disabled app': [
    { outlook_client_id: DISABLED_APP.clientId, outlook_client_secret: DISABLED_APP.secret },
    'app_not_found',
    /enables it in Entra/,
  ],
  'unknown tenant': [{ tenant_id: '99999999-2222-3333-4444-555555555555' }, 'tenant_not_found', /Check the tenant id/],
  'app without consent': [
    { outlook_client_id: APP_WITHOUT_CONSENT.clientId, outlook_client_secret: APP_WITHOUT_CONSENT.secret },
    'directory_access_denied',
    /admin consent/,
  ],
}

for (const [name, [config, code, cure]] of Object.entries(LOGINS)) {
  test(`a login with ${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name} fails as ${code} with a sentence that names the cure`, () =>
    assertFails(name, { user_upn: USER, config }, code, cure))
}

test('a batch with a wrong secret fails mailbox by mailbox, and asks the login service once', async () => {
  simulator.resetStats()
  const config = { outlook_client_secret: 'another~wrong.secret' }
  const { batch_id } = await service.client.startBatch({
    user_upns: [USER, 'user1@example.com', 'user2@example.com'],
    config,
  })
  const batch = await until('the batch to fail', async () => {
    const answer = await service.client.batchStatus(batch_id)
    return answer.status === 'failed' ? answer : undefined
  })
  assert.equal(batch.failed_users, 3)
  assert.equal(simulator.stats().by_kind.token, 1)
})

test('what only time cures is waited for, and said; pausing ends the wait at once', async () => {
  simulator.faults.add({
    match: { kind: 'delta', user: 'info@contoso.example' },
    effect: { status: 503, code: 'ErrorMailboxMoveInProgress', message: 'Mailbox move in progress. Try again later.' },
  })
  await service.client.start('waiting', { user_upn: 'info@contoso.example' })
  const waiting = await until('the wait to be told', async () => {
    const record = await service.client.status('waiting')
    return record.status !== 'not_started' && record.waiting_for !== null ? record : undefined
  })
  assert.equal(waiting.status, 'in_progress')
  assert.match(waiting.waiting_for ?? '', /mailbox is being moved/)
  await service.client.pause('waiting')
  await untilStatus(service.client, 'waiting', 'paused')
  simulator.faults.clear()
  await service.client.cancel('waiting')
})

test('a mailbox that cannot be opened for the time being has not failed, and can be paused at once', async () => {
  for (const name of ['moving', 'storedown', 'stale']) {
    simulator.resetStats()
    await service.client.start(name, { user_upn: `${name}@contoso.example` })
    await until(`${name} to be refused`, async () => (simulator.stats().by_status['503'] ? true : undefined))
    await service.client.pause(name)
    await untilStatus(service.client, name, 'paused')
  }
})

test('a mailbox store that comes back is copied without anybody doing anything', async () => {
  simulator.faults.add({
    match: { kind: 'delta', user: 'user2@example.com', times: 1 },
    effect: { status: 503, code: 'ErrorMailboxStoreUnavailable', headers: { 'Retry-After': '1' } },
  })
  await service.client.start('back', { user_upn: 'user2@example.com' })
  await untilStatus(service.client, 'back', 'completed')
  await assertPerfectCopy(simulator, folder, 'user2@example.com')
})

test('once the cause is cured, continue copies the mailbox', async () => {
  const user = 'user1@example.com'
  const refusal = { scope: 'mail', status: 403, code: 'ErrorAccessDenied', message: 'Access is denied.' } as const
  simulator.mutate({ user, type: 'refuse', refusal })
  await assertFails('cured', { user_upn: user }, 'mailbox_access_denied', /Mail\.Read/)
  simulator.mutate({ user, type: 'refuse', refusal: null })
  await service.client.continue('cured')
  const record = await untilStatus(service.client, 'cured', 'completed')
  assert.equal(record.error, null)
  assert.equal(record.error_code, null)
  await assertPerfectCopy(simulator, folder, user)
})

test('after a wrong secret a new start with the right one copies the mailbox', async () => {
  await assertFails(
    'secret',
    { user_upn: USER, config: { outlook_client_secret: 'typo' } },
    'app_secret_invalid',
    /secret/,
  )
  await service.client.start('secret', {
    user_upn: USER,
    config: { outlook_client_secret: simulator.clientSecret },
  })
  await untilStatus(service.client, 'secret', 'completed')
  await assertPerfectCopy(simulator, folder, USER)
})

test('no secret, token, address or mail stands in any log line or answer, even with everything logged', async () => {
  const { emails } = (await (await fetch(`${service.url}/api/emails/extract/result/secret?limit=1`)).json()) as {
    emails: [{ subject: string; body_preview: string }]
  }
  const answers = await Promise.all(
    [...Object.keys(LOGINS), 'secret'].map(async (id) => JSON.stringify(await service.client.status(id))),
  )
  await service.stop()
  const log = service.output
  assert.ok(log.includes('"extraction failed"'), 'what happens is logged')

  const secrets = [simulator.clientSecret, WRONG_SECRET, APP_WITHOUT_CONSENT.secret, DISABLED_APP.secret]
  const signs = [...secrets, ...secrets.map((secret) => encodeURIComponent(secret)), 'Bearer ', 'eyJ']
  for (const sign of signs) {
    assert.ok(!log.includes(sign), `${sign} is logged`)
    assert.ok(!answers.join().includes(sign), `${sign} is answered`)
  }
  const [{ subject, body_preview }] = emails
  for (const mail of [subject, body_preview.slice(0, 30)]) assert.ok(!log.includes(mail), `${mail} is logged`)
  for (const address of [USER, encodeURIComponent(USER)]) assert.ok(!log.includes(address), `${address} is logged`)
})
