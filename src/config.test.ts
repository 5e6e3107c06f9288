import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { type Environment, readConfig } from './config.ts'
import { AppError } from './errors.ts'

function problems(env: Environment): readonly string[] {
  try {
    readConfig(env)
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === 'settings_invalid')
    return error.details
  }
  return []
}

test('without any setting the service listens on loopback and keeps its data in ./data', () => {
  const config = readConfig({})
  assert.equal(config.host, '127.0.0.1')
  assert.equal(config.port, 3006)
  assert.deepEqual(config.database, { kind: 'sqlite', path: resolve('data/outlookmail.db') })
  assert.deepEqual(config.blobStore, { kind: 'file', path: resolve('data/blobs') })
  assert.equal(config.mailboxConcurrency, 8)
  assert.deepEqual(config.credentials, {})
})

test('the app of the environment is known by the names of its variables', () => {
  const { credentials } = readConfig({ TENANT_ID: 't', OUTLOOK_CLIENT_ID: 'c', OUTLOOK_CLIENT_SECRET: ' s ' })
  assert.deepEqual(credentials, { tenantId: 't', clientId: 'c', clientSecret: 's' })
})

test('everything that is wrong is said at once', () => {
  const found = problems({
    DATABASE_URL: 'mysql://x',
    HOST: '0.0.0.0',
    PORT: 'abc',
    MAILBOX_CONCURRENCY: '0',
    SECRET_KEY: 'short',
    LOG_LEVEL: 'loud',
    BLOB_STORE: 's3://bucket',
    OUTLOOK_CLOUD: 'mars',
    OUTLOOK_GRAPH_URL: 'http://graph.example',
    OUTLOOK_CLIENT_CERTIFICATE_PATH: '/no/such/file.pem',
  })
  assert.equal(found.length, 10)
  for (const name of [
    'DATABASE_URL',
    'HOST',
    'PORT',
    'MAILBOX_CONCURRENCY',
    'SECRET_KEY',
    'LOG_LEVEL',
    'BLOB_STORE',
    'OUTLOOK_CLOUD',
  ]) {
    assert.ok(
      found.some((problem) => problem.startsWith(name)),
      name,
    )
  }
})

test('only loopback addresses are listened on', () => {
  for (const HOST of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) assert.deepEqual(problems({ HOST }), [])
  for (const HOST of ['0.0.0.0', '::', '192.168.1.1', 'example.com']) assert.equal(problems({ HOST }).length, 1)
})

test('mail and tokens travel over TLS only, to an origin', () => {
  assert.deepEqual(problems({ OUTLOOK_GRAPH_URL: 'https://localhost:4400' }), [])
  for (const OUTLOOK_LOGIN_URL of ['http://x.example', 'https://x.example/path', 'https://a:b@x.example', 'x']) {
    assert.equal(problems({ OUTLOOK_LOGIN_URL }).length, 1, OUTLOOK_LOGIN_URL)
  }
})

test('blobs lie in the data folder unless BLOB_STORE says otherwise', () => {
  assert.deepEqual(readConfig({ DATA_DIR: '/srv/mail' }).blobStore, { kind: 'file', path: '/srv/mail/blobs' })
  assert.deepEqual(readConfig({ BLOB_STORE: 'file:/srv/blobs' }).blobStore, { kind: 'file', path: '/srv/blobs' })
})

test('DATABASE_URL names a file of SQLite, or a database of a Postgres server', () => {
  assert.deepEqual(readConfig({ DATABASE_URL: 'sqlite:/srv/mail.db' }).database, {
    kind: 'sqlite',
    path: '/srv/mail.db',
  })
  for (const url of [
    'postgres://host/mail',
    'postgresql://user:p%40ss@host:6432/mail?sslmode=verify-full',
    'postgres:///mail?host=/run/postgresql',
  ]) {
    assert.deepEqual(readConfig({ DATABASE_URL: url }).database, { kind: 'postgres', url })
  }
})

test('a Postgres address without a database, or with characters that have to be encoded, is refused', () => {
  for (const DATABASE_URL of [
    'postgres:',
    'postgres://host',
    'postgres://host/',
    'postgres://host/a/b',
    'postgres://u:p%zz@host/mail',
    'postgres://u:a#b@host/mail',
    'postgres://u:p@host:port/mail',
  ]) {
    assert.equal(problems({ DATABASE_URL }).length, 1, DATABASE_URL)
  }
})

test('a secret is never repeated in a complaint about it', () => {
  assert.ok(!problems({ SECRET_KEY: 'hunter2hunter2' }).join().includes('hunter2'))
  for (const DATABASE_URL of ['postgres://u:hunter2@host', 'postgres://u:hunter2%zz@host/x', 'mysql://u:hunter2@h/x']) {
    assert.match(problems({ DATABASE_URL }).join(), /^DATABASE_URL (?!.*hunter2)/)
  }
  assert.match(problems({ BLOB_STORE: 'azure:AccountName=a;AccountKey=hunter2' }).join(), /^BLOB_STORE (?!.*hunter2)/)
})
