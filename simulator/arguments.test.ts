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
      latencyMs: 1.5,
      limits: false,
    },
  })
})

test('every mistake is named', () => {
  for (const [args, message] of [
    [['--port', '70000'], /--port/],
    [['--mailbox', 'x'], /NAME=COUNT/],
    [['--latency=-1'], /--latency/],
    [['--body-bytes', ''], /--body-bytes/],
    [['--token-lifetime', '0'], /--token-lifetime/],
    [['--nothing'], /--nothing/],
    [['stray'], /stray/],
  ] as const) {
    assert.throws(
      () => readArguments(args),
      (error: Error) => error instanceof ArgumentError && message.test(error.message),
    )
  }
})
