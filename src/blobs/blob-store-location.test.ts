import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { connectContainer } from './azure-blob-store.ts'
import { parseBlobStoreLocation } from './blob-store-location.ts'

const KEY = Buffer.from('a key of the account').toString('base64')
const PORTAL = `DefaultEndpointsProtocol=https;AccountName=mailbox1;AccountKey=${KEY};EndpointSuffix=core.windows.net`

test('file: names a folder, from the working folder on', () => {
  assert.deepEqual(parseBlobStoreLocation('file:./blobs'), { kind: 'file', path: resolve('blobs') })
  for (const text of ['file:/srv/blobs', 'file:///srv/blobs']) {
    assert.deepEqual(parseBlobStoreLocation(text), { kind: 'file', path: '/srv/blobs' })
  }
})

test('azure: names a container by its URL, with or without a SAS', () => {
  for (const url of [
    'https://mailbox1.blob.core.windows.net/mail',
    'https://mailbox1.blob.core.windows.net/mail?sp=rcwd&sig=abc%3D',
    'https://blobs.example.com/mail',
    'https://10.0.0.7:10000/mailbox1/mail',
    'http://127.0.0.1:10000/devstoreaccount1/mail',
  ]) {
    assert.deepEqual(parseBlobStoreLocation(`azure:${url}`), { kind: 'azure-container', url })
  }
})

const CONNECTION_STRINGS = {
  'the portal shows': PORTAL,
  'names its endpoint': `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${KEY};BlobEndpoint=https://a.example/;`,
  'has a SAS': 'BlobEndpoint=https://mailbox1.blob.core.windows.net/;SharedAccessSignature=sv=2025-01-05&sig=abc%3D',
  'means the emulator': 'UseDevelopmentStorage=true',
}
for (const [which, connectionString] of Object.entries(CONNECTION_STRINGS)) {
  test(`azure: takes a connection string that ${which}, and so does Azure's library`, () => {
    const location = parseBlobStoreLocation(`azure:${connectionString}`)
    assert.deepEqual(location, { kind: 'azure-account', connectionString })
    assert.match(connectContainer({ kind: 'azure-account', connectionString }).url, /\/outlookmail/)
  })
}

/** Each holds the word that must not be repeated. */
const BAD: Record<string, RegExp> = {
  './hunter2': /must begin with file: or azure:/,
  'file:': /must begin with/,
  's3://hunter2': /must begin with/,
  'azure:': /connection string/,
  'azure:hunter2': /connection string/,
  'azure:https://': /no address/,
  'azure:https://mailbox1.blob.core.windows.net': /one container/,
  'azure:https://mailbox1.blob.core.windows.net/mail/hunter2': /one container/,
  'azure:https://10.0.0.7/hunter2': /one container/,
  'azure:https://mailbox1.blob.core.windows.net/mail?sv=hunter2': /sig is missing/,
  'azure:https://me:hunter2@mailbox1.blob.core.windows.net/mail': /without user/,
  'azure:http://mailbox1.blob.core.windows.net/mail?sig=hunter2': /https/,
  'azure:AccountName=a;AccountKey=hunter2': /connection string/,
  'azure:BlobEndpoint=https://a.example': /connection string/,
  'azure:DefaultEndpointsProtocol=http;AccountName=a;AccountKey=hunter2;EndpointSuffix=core.windows.net': /https/,
  'azure:BlobEndpoint=http://a.example;SharedAccessSignature=sig=hunter2': /https/,
  'azure:BlobEndpoint=nonsense;SharedAccessSignature=sig=hunter2': /https/,
}
for (const [text, complaint] of Object.entries(BAD)) {
  test(`${text} is refused, and no part of it repeated`, () => {
    assert.throws(
      () => parseBlobStoreLocation(text),
      (error) => error instanceof Error && complaint.test(error.message) && !error.message.includes('hunter2'),
    )
  })
}
