import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { runCommand, startCommand, TempFolder } from '../support/service.ts'

const USER = 'mail@example.com'

/** Mail as it comes, not as it should be; each file is one message, whatever is in it. */
const FILES: Record<string, string | Buffer> = {
  'plain.eml': 'From: a@example.com\r\nSubject: plain\r\nDate: Mon, 1 Jun 2026 10:00:00 +0000\r\n\r\nHello\r\n',
  'unix line ends.eml': 'From: a@example.com\nSubject: line ends\n\nHello\n',
  'empty.eml': '',
  'no header.eml': '\r\nonly a body\r\n',
  'no body.eml': 'Subject: no body\r\n',
  'broken date.eml': 'Subject: when?\r\nDate: yesterday, maybe\r\n\r\nHello\r\n',
  'broken charset.eml': Buffer.concat([
    Buffer.from('Subject: =?no-such-charset?Q?odd?=\r\nContent-Type: text/plain; charset=no-such\r\n\r\n'),
    Buffer.from([0x48, 0xe4, 0xff, 0x00, 0xfe, 0x21]),
  ]),
  'latin1.eml': Buffer.from(
    'From: J\xfcrgen <j@example.com>\r\nSubject: Gr\xfc\xdfe\r\n\r\n\xe4\xf6\xfc\r\n',
    'latin1',
  ),
  'no end of multipart.eml':
    'Subject: cut\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>cut off',
  'nested.eml': [
    'Subject: outer\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n',
    'Subject: inner\r\n\r\ninside\r\n--o\r\nContent-Disposition: attachment; filename="=?utf-8?B?8J+TpA==?="\r\n\r\nx\r\n--o--\r\n',
  ].join('\r\n'),
  'same Message-ID 1.eml': 'Message-ID: <same@example.com>\r\nSubject: twice\r\n\r\none\r\n',
  'same Message-ID 2.eml': 'Message-ID: <same@example.com>\r\nSubject: twice\r\n\r\ntwo\r\n',
  'long header.eml': `Subject: ${'long '.repeat(20_000)}\r\nTo: ${'a@example.com, '.repeat(2_000)}\r\n\r\nHello\r\n`,
  'below/Großer Ordner/deep.EML': 'Subject: =?utf-8?Q?=F0=9F=8C=8A_wave?=\r\n\r\nwave\r\n',
}

test('every file of a folder of awkward mail is one row after npm run simulator -- --mail and extract', async () => {
  using folder = new TempFolder()
  const mail = join(folder.path, 'mail')
  for (const [name, content] of Object.entries(FILES)) {
    mkdirSync(join(mail, name, '..'), { recursive: true })
    writeFileSync(join(mail, name), content)
  }
  writeFileSync(join(mail, 'README.md'), 'no mail')

  const simulator = startCommand(['simulator', '--mail', mail, '--port', '0', '--json'], { PATH: process.env.PATH })
  const exited = once(simulator, 'exit')
  try {
    const facts = await firstFacts(simulator.stdout as NodeJS.ReadableStream)
    using data = new TempFolder()
    const { status, stderr } = await runCommand(['extract', USER], {
      PATH: process.env.PATH,
      OUTLOOK_GRAPH_URL: facts.url,
      OUTLOOK_LOGIN_URL: facts.url,
      NODE_EXTRA_CA_CERTS: facts.ca_file,
      TENANT_ID: facts.tenant_id,
      OUTLOOK_CLIENT_ID: facts.client_id,
      OUTLOOK_CLIENT_SECRET: facts.client_secret,
      DATA_DIR: data.path,
    })
    assert.equal(status, 0, stderr)
    const subjects = (await data.query<{ subject: string }>('select subject from emails')).map(({ subject }) => subject)
    assert.equal(subjects.length, Object.keys(FILES).length)
    for (const subject of ['plain', 'line ends', 'cut', 'outer', '🌊 wave'])
      assert.ok(subjects.includes(subject), subject)
    assert.equal(subjects.filter((subject) => subject === 'twice').length, 2, 'one Message-ID may come twice')
  } finally {
    simulator.kill('SIGINT')
  }
  assert.deepEqual(await exited, [0, null], 'Ctrl-C ends the simulator with 0')
})

interface Facts {
  url: string
  ca_file: string
  tenant_id: string
  client_id: string
  client_secret: string
}

async function firstFacts(output: NodeJS.ReadableStream): Promise<Facts> {
  for await (const line of createInterface({ input: output })) return JSON.parse(line) as Facts
  throw new Error('The simulator did not start')
}
