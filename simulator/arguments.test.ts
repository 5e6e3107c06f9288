import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ArgumentError, readArguments } from './arguments.ts'

test('what is given becomes options, and the port is 3007 unless said otherwise', () => {
  assert.deepEqual(readArguments([]).options, { port: 3007, mailboxes: [] })
  const given = [
    '--port',
    '0',
    '--mailbox',
    'a=5',
    '--mailbox',
    'b@c.example=7',
    '--latency',
    '150',
    '--latency-per-message',
    '1.5',
    '--no-limits',
    '--json',
  ]
  assert.deepEqual(readArguments(given), {
    help: false,
    json: true,
    options: {
      port: 0,
      mailboxes: [
        { name: 'a', messages: 5 },
        { name: 'b@c.example', messages: 7 },
      ],
      latencyMs: 150,
      latencyPerMessageMs: 1.5,
      limits: false,
    },
  })
})

test('a mailbox can be spread over folders, have attachments of given sizes, or hold everything odd', () => {
  const { options } = readArguments([
    '--mailbox',
    'files=50,attachments=5:20000-5000000',
    '--mailbox',
    'full=1,attachments=1:10-10x501',
    '--mailbox',
    'large=9,attachments=3:10-20,largest=150000000',
    '--mailbox',
    'wide=90,folders=40',
    '--mailbox',
    'odd=odd',
    '--file-select',
    'plain',
  ])
  assert.equal(options.fileSelect, 'plain')
  assert.deepEqual(options.mailboxes, [
    { name: 'files', messages: 50, attachments: { every: 5, minBytes: 20_000, maxBytes: 5_000_000 } },
    { name: 'full', messages: 1, attachments: { every: 1, minBytes: 10, maxBytes: 10, perMessage: 501 } },
    { name: 'large', messages: 9, attachments: { every: 3, minBytes: 10, maxBytes: 20, largestBytes: 150_000_000 } },
    { name: 'wide', messages: 90, folderCount: 40 },
    { name: 'odd', odd: 'all' },
  ])
})

test('every mistake is named', () => {
  for (const [args, message] of [
    [['--port', '70000'], /--port/],
    [['--mailbox', 'x'], /NAME=COUNT/],
    [['--latency=-1'], /--latency/],
    [['--body-bytes', ''], /--body-bytes/],
    [['--token-lifetime', '0'], /--token-lifetime/],
    [['--mailbox', 'x=1,attachments=0:1-2'], /NAME=COUNT/],
    [['--mailbox', 'x=1,attachments=5:9-2'], /NAME=COUNT/],
    [['--mailbox', 'x=1,folders=0'], /NAME=COUNT/],
    [['--latency-per-message', ''], /--latency-per-message/],
    [['--file-select', 'x'], /--file-select/],
    [['--nothing'], /--nothing/],
    [['stray'], /stray/],
  ] as const) {
    assert.throws(
      () => readArguments(args),
      (error: Error) => error instanceof ArgumentError && message.test(error.message),
    )
  }
})
