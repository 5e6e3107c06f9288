import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startSimulator } from './simulator.ts'
import { type Item, TestClient } from './test-client.ts'

const LETTER = [
  'From: "Ann Lee" <ann@fabrikam.example>',
  'To: Bob <bob@contoso.example>, friends: carl@contoso.example, dora@contoso.example;',
  'Cc: eve@contoso.example',
  'Subject: =?utf-8?B?R3LDvMOfZQ==?=',
  'Date: Tue, 03 Mar 2026 10:00:00 +0100',
  'Message-ID: <letter@fabrikam.example>',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<p>Hello <b>Bob</b></p>',
  '--b',
  'Content-Type: text/plain; name=note.txt',
  'Content-Disposition: attachment; filename=note.txt',
  '',
  'the note',
  '--b--',
  '',
].join('\r\n')

const MBOX =
  'From a@b Thu Jan  1 00:00:00 2026\nSubject: one\n\n>From here\n\nFrom a@b Thu Jan  1 00:00:00 2026\nSubject: two\n\ntext\n'

test('every file becomes exactly one message, however broken it is, and keeps what it says', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'outlookmail-mail-'))
  await mkdir(join(directory, 'below'))
  await writeFile(join(directory, 'letter.eml'), LETTER)
  await writeFile(join(directory, 'empty.eml'), '')
  await writeFile(
    join(directory, 'noise.eml'),
    Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * 197) % 256)),
  )
  await writeFile(join(directory, 'below', 'nodate.EML'), 'Subject: no date\nDate: yesterday, or so\n\nplain < text')
  await writeFile(join(directory, 'some.mbox'), MBOX)
  await writeFile(join(directory, 'ignored.txt'), 'not mail')
  await using simulator = await startSimulator({ demo: false, mail: directory })
  await using client = new TestClient(simulator)
  await rm(directory, { recursive: true })

  assert.deepEqual(simulator.mailboxes, [{ user_upn: 'mail@example.com', messages: 6 }])
  const { items } = await client.walk('/users/mail@example.com/mailFolders/inbox/messages?$expand=attachments')
  assert.equal(items.length, 6)
  const letter = items.find(({ internetMessageId }) => internetMessageId === '<letter@fabrikam.example>')
  assert.equal(letter?.subject, 'Grüße')
  assert.equal(letter?.receivedDateTime, '2026-03-03T09:00:00Z')
  assert.deepEqual(letter?.from, { emailAddress: { name: 'Ann Lee', address: 'ann@fabrikam.example' } })
  const to = letter?.toRecipients as { emailAddress: { address: string } }[]
  assert.deepEqual(
    to.map(({ emailAddress }) => emailAddress.address),
    ['bob@contoso.example', 'carl@contoso.example', 'dora@contoso.example'],
  )
  assert.match(contentOf(letter), /<b>Bob<\/b>/)
  const [note] = (letter?.attachments ?? []) as { name: string; contentBytes: string }[]
  assert.deepEqual(
    [
      note?.name,
      Buffer.from(note?.contentBytes ?? '', 'base64')
        .toString()
        .trim(),
    ],
    ['note.txt', 'the note'],
  )
  const noDate = items.find(({ subject }) => subject === 'no date')
  assert.match(String(noDate?.receivedDateTime), /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.match(contentOf(noDate), /plain &lt; text/)
  assert.ok(items.some(({ subject }) => subject === 'one') && items.some(({ subject }) => subject === 'two'))

  simulator.mutate({ user: 'mail@example.com', type: 'arrive' })
  assert.equal((await client.get('/users/mail@example.com/messages/$count')).text, '7')
})

function contentOf(item: Item | undefined): string {
  return ((item?.body ?? {}) as { content?: string }).content ?? ''
}
