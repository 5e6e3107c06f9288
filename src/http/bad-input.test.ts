import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../errors.ts'
import { Failure } from './contract.ts'
import { aServer, assertFits } from './test-support.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const START = '/api/emails/extract/start/conn1'
const BATCH = '/api/emails/extract/batch/start'
const user_upn = 'user@example.com'

async function post(url: string, payload: string | object | Buffer, headers: Record<string, string> = JSON_TYPE) {
  const text = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload)
  const response = await aServer().server.inject({ method: 'POST', url, payload: text, headers })
  const answer = response.json()
  if (response.statusCode >= 400) assertFits(Failure, answer)
  return { statusCode: response.statusCode, answer }
}

const INVALID: [name: string, url: string, body: unknown, detail: string][] = [
  ['a start without an address', START, {}, 'user_upn: is missing'],
  ['a start with null for a body', START, null, 'The body: must be a JSON object'],
  ['a start with a list for a body', START, [], 'The body: must be a JSON object'],
  ['an address that is a number', START, { user_upn: 5 }, 'user_upn: must be text'],
  ['an address that is none', START, { user_upn: 'x@y' }, 'user_upn: "x@y" is not an e-mail address'],
  ['an address with a slash', START, { user_upn: 'a/b@x.y' }, 'user_upn: "a/b@x.y" is not an e-mail address'],
  [
    'an address with half a character',
    START,
    { user_upn: '\ud800@x.y' },
    'user_upn: "\\ud800@x.y" is not an e-mail address',
  ],
  ['config null', START, { user_upn, config: null }, 'config: must be a JSON object'],
  ['a tenant that is a number', START, { user_upn, config: { tenant_id: 5 } }, 'config.tenant_id: must be text'],
  [
    'a tenant that would lead elsewhere',
    START,
    { user_upn, config: { tenant_id: '../x' } },
    'config.tenant_id: must be the id of a tenant or one of its domains',
  ],
  [
    'an empty secret',
    START,
    { user_upn, config: { outlook_client_secret: '' } },
    'config.outlook_client_secret: must be 1 to 1024 characters without spaces',
  ],
  ['an unknown field', START, { user_upn, colour: 1 }, 'colour: is not known here'],
  ['an unknown field in config', START, { user_upn, config: { secret: 1 } }, 'config.secret: is not known here'],
  ['__proto__', START, '{"user_upn":"user@example.com","__proto__":{}}', '__proto__: is not known here'],
  ['a field named like a method', START, { user_upn, toString: 1 }, 'toString: is not known here'],
  [
    'two different addresses',
    START,
    { user_upn, config: { user_upn: 'other@example.com' } },
    'user_upn: differs from config.user_upn; give it once',
  ],
  ['options that are text', START, { user_upn, options: 'all' }, 'options: must be a JSON object'],
  ['an unknown option', START, { user_upn, options: { x: 1 } }, 'options.x: is not known here'],
  [
    'a body form that is none',
    START,
    { user_upn, options: { body: 'rtf' } },
    'options.body: must be one of html, text, both',
  ],
  [
    'include_hidden as text',
    START,
    { user_upn, options: { include_hidden: 'yes' } },
    'options.include_hidden: must be true or false',
  ],
  ['folders as a list', START, { user_upn, options: { folders: [] } }, 'options.folders: must be a JSON object'],
  [
    'a folder that is empty',
    START,
    { user_upn, options: { folders: { include: ['Inbox', ''] } } },
    'options.folders.include[1]: must not be empty',
  ],
  [
    'a time that is none',
    START,
    { user_upn, options: { received_after: 'yesterday' } },
    'options.received_after: "yesterday" is neither a date (2026-01-31, which begins at midnight UTC) nor a time with its zone (2026-01-31T08:15:00Z)',
  ],
  [
    'a time without its zone',
    START,
    { user_upn, options: { received_before: '2026-01-31T08:15:00' } },
    'options.received_before: "2026-01-31T08:15:00" is neither a date (2026-01-31, which begins at midnight UTC) nor a time with its zone (2026-01-31T08:15:00Z)',
  ],
  [
    'a day that the calendar does not have',
    BATCH,
    { user_upns: [user_upn], options: { received_after: '2026-02-30' } },
    'options.received_after: "2026-02-30" is no time that there is',
  ],
  [
    'an hour that the clock does not have',
    START,
    { user_upn, options: { received_after: '2026-02-28T25:00Z' } },
    'options.received_after: "2026-02-28T25:00Z" is no time that there is',
  ],
  [
    'a time before all mail',
    START,
    { user_upn, options: { received_after: '1600-12-31' } },
    'options.received_after: must be from the year 1601 to 9998',
  ],
  [
    'a stretch of time with nothing in it',
    START,
    { user_upn, options: { received_after: '2026-01-31', received_before: '2026-01-31T01:00:00+02:00' } },
    'options.received_before: must be later than options.received_after',
  ],
  ['a batch of nothing', BATCH, {}, 'Give exactly one of user_upns, group_id and all_users'],
  [
    'a batch of two kinds',
    BATCH,
    { user_upns: [user_upn], all_users: true },
    'Give exactly one of user_upns, group_id and all_users',
  ],
  ['an empty batch', BATCH, { user_upns: [] }, 'user_upns: is empty. No users to process'],
  ['a batch that is no list', BATCH, { user_upns: user_upn }, 'user_upns: must be a list'],
  ['a batch with a number in it', BATCH, { user_upns: [user_upn, 7] }, 'user_upns[1]: must be text'],
  ['all_users false', BATCH, { all_users: false }, 'all_users: must be true'],
  ['an empty group', BATCH, { group_id: '' }, 'group_id: must be 1 to 1024 characters without spaces'],
  [
    'an exclude that is no address',
    BATCH,
    { all_users: true, exclude: ['x'] },
    'exclude[0]: "x" is not an e-mail address',
  ],
  ['a batch with a single address', BATCH, { user_upn }, 'user_upn: is not known here'],
  [
    'a batch whose users are all excluded',
    BATCH,
    { user_upns: [user_upn], exclude: ['USER@example.com'] },
    'user_upns: is empty once exclude is applied',
  ],
]

for (const [name, url, body, detail] of INVALID) {
  test(`${name} is a 400 that says so`, async () => {
    const { statusCode, answer } = await post(url, typeof body === 'string' ? body : JSON.stringify(body))
    assert.equal(statusCode, 400)
    assert.equal(answer.code, 'invalid_request')
    assert.deepEqual(answer.details, [detail])
  })
}

test('every mistake is named at once', async () => {
  const { answer } = await post(START, { user_upn: 1, a: 1, config: { b: 2 } })
  assert.deepEqual(answer.details, ['user_upn: must be text', 'a: is not known here', 'config.b: is not known here'])
  assert.equal(answer.error, 'user_upn: must be text (and 2 more)')
})

test('of many bad addresses the first 20 are named by index and the others counted', async () => {
  const user_upns = Array.from({ length: 100_000 }, (_, index) => (index < 5 ? `u${index}@example.com` : 'x'))
  const { statusCode, answer } = await post(BATCH, { user_upns })
  assert.equal(statusCode, 400)
  assert.equal(answer.details.length, 21)
  assert.equal(answer.details[0], 'user_upns[5]: "x" is not an e-mail address')
  assert.equal(answer.details[20], 'and 99975 more')
})

for (const address of ['a_b.com#EXT#@t.onmicrosoft.com', "o'brien+x@sub.example.co.uk", 'ünï@exämple.com']) {
  test(`${address} is an address`, async () => {
    assert.equal((await post(START, { user_upn: address })).statusCode, 202)
  })
}

const UNREADABLE: [name: string, payload: string | Buffer, headers: Record<string, string>, error: RegExp][] = [
  [
    'a web form',
    'user_upn=a',
    { 'content-type': 'application/x-www-form-urlencoded' },
    /Invalid JSON payload: send it/,
  ],
  ['plain text', '{}', { 'content-type': 'text/plain' }, /Invalid JSON payload: send it/],
  ['a body without a type', '{}', { 'content-type': '' }, /Invalid JSON payload: send it/],
  ['a type that is none', '{}', { 'content-type': ';;,' }, /Invalid JSON payload: send it/],
  ['JSON that ends too early', '{"user_upn": "a', JSON_TYPE, /it ends too early|line 1, column 14/],
  ['the dots of the example', '{"user_upns": ["a@b.c",\n ...]}', JSON_TYPE, /malformed at line 2, column 2$/],
  ['a comma too many', '{"a": 1,}', JSON_TYPE, /malformed at line 1, column 9$/],
  ['text that is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), JSON_TYPE, /it is not UTF-8/],
]

for (const [name, payload, headers, error] of UNREADABLE) {
  test(`${name} is a 400 invalid_json`, async () => {
    const { statusCode, answer } = await post(START, payload, headers)
    assert.equal(statusCode, 400)
    assert.equal(answer.code, 'invalid_json')
    assert.match(answer.error, error)
  })
}

test('a body that cannot be read is never quoted', async () => {
  const { answer } = await post(START, '{"outlook_client_secret": "geheim" x}')
  assert.doesNotMatch(JSON.stringify(answer), /geheim/)
})

test('a refused config value is never quoted', async () => {
  const { answer } = await post(START, { user_upn, config: { outlook_client_secret: 'ge heim', tenant_id: 'ge/heim' } })
  assert.equal(answer.details.length, 2)
  assert.doesNotMatch(JSON.stringify(answer), /heim/)
})

test('JSON with a charset or a suffix in its type is JSON', async () => {
  for (const type of ['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/problem+json']) {
    assert.equal((await post(START, { user_upn }, { 'content-type': type })).statusCode, 202, type)
  }
})

test('a value missing both in config and in the environment is named with its variable', async () => {
  const { server } = aServer({
    missingCredentials: (given) => (['tenantId', 'clientId', 'clientSecret'] as const).filter((name) => !given[name]),
  })
  for (const [url, what] of [
    [START, { user_upn }],
    [BATCH, { user_upns: [user_upn] }],
  ] as const) {
    const payload = { ...what, config: { tenant_id: 't' } }
    const response = await server.inject({ method: 'POST', url, payload })
    assert.equal(response.statusCode, 400)
    assert.equal(response.json().code, 'config_missing')
    assert.deepEqual(response.json().details, [
      'config.outlook_client_id: is neither in the request nor in the environment (OUTLOOK_CLIENT_ID)',
      'config.outlook_client_secret: is neither in the request nor in the environment (OUTLOOK_CLIENT_SECRET)',
    ])
  }
})

test('pause, continue and cancel take an empty body of any type, and no fields', async () => {
  for (const call of ['extract/pause/conn1', 'extract/batch/cancel/b1']) {
    assert.equal((await post(`/api/emails/${call}`, '')).statusCode, 404)
    assert.equal((await post(`/api/emails/${call}`, '{}')).statusCode, 404)
    assert.equal((await post(`/api/emails/${call}`, '', { 'content-type': 'text/plain' })).statusCode, 404)
    assert.deepEqual((await post(`/api/emails/${call}`, '{"now":1}')).answer.details, ['now: is not known here'])
    assert.equal((await post(`/api/emails/${call}`, '[1]')).statusCode, 400)
  }
})

test('a body above 32 MiB is a 413', async () => {
  const { statusCode, answer } = await post(BATCH, Buffer.alloc(32 * 1024 * 1024 + 1, 0x20))
  assert.equal(statusCode, 413)
  assert.equal(answer.code, 'payload_too_large')
})

test('a failure that nobody foresaw is a 500 without a word of its inside', async () => {
  const checks: [error: Error, statusCode: number, code: string][] = [
    [new TypeError('secret inside'), 500, 'internal_error'],
    [new AppError('storage_full', 'The disk is full'), 507, 'storage_full'],
  ]
  for (const [error, statusCode, code] of checks) {
    const { server, extractions } = aServer()
    extractions.findLatest = () => Promise.reject(error)
    const response = await server.inject('/api/emails/extract/status/conn1')
    assert.equal(response.statusCode, statusCode)
    assertFits(Failure, response.json())
    assert.equal(response.json().code, code)
    assert.doesNotMatch(response.body, /inside|TypeError|\.ts/)
  }
})
