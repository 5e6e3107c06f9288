import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ERROR_CODES } from '../src/errors.ts'
import { EXTRACTION_EVENTS, EXTRACTION_STATUSES, movesOn } from '../src/extractions/extraction-status.ts'
import { statusCodeOf } from '../src/http/error-handler.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

test('every error code is explained, with the status it is answered with, and no other is', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([a-z_]+)` \| (\S+)/gm)]
  assert.deepEqual(rows.map(([, code = '']) => code).sort(), [...ERROR_CODES].sort())
  for (const [, code, status] of rows) {
    const known = ERROR_CODES.find((one) => one === code)
    assert.ok(known)
    if (status && /^\d+$/.test(status)) assert.equal(Number(status), statusCodeOf(known), known)
  }
})

test('every setting is explained, in docs/settings.md and in .env.example', () => {
  const settings = [
    ...new Set([...read('src/config.ts').matchAll(/'([A-Z]+(?:_[A-Z]+)+|HOST|PORT)'/g)].map(([, name = '']) => name)),
  ]
  assert.ok(settings.length > 10)
  for (const name of settings) {
    assert.match(read('docs/settings.md'), new RegExp(`\`${name}\``), name)
    assert.match(read('.env.example'), new RegExp(`\\b${name}=`), name)
  }
})

test('every command is explained', () => {
  const help = execFileSync(process.execPath, [join(ROOT, 'src/cli/main.js'), '--help'], { encoding: 'utf8' })
  const commands = [...help.matchAll(/^ {2}([a-z]+) .*(?:\[options\]|<)/gm)].map(([, name = '']) => name)
  assert.ok(commands.includes('extract') && commands.includes('report'), commands.join())
  for (const name of commands) assert.match(read('docs/command-line.md'), new RegExp(`\\b${name}\\b`), name)
})

test('the diagram of the life of an extraction has every move, and no other', () => {
  const drawn = [...read('docs/extraction-lifecycle.md').matchAll(/^\s*(\w+) --> (\w+): *(.+)$/gm)].flatMap(
    ([, from, to, words = '']) => words.split(',').map((event) => `${from} ${event.trim()} ${to}`),
  )
  const moves = EXTRACTION_EVENTS.flatMap((event) => movesOn(event).map(({ from, to }) => `${from} ${event} ${to}`))
  assert.ok(EXTRACTION_STATUSES.length > 0)
  assert.deepEqual(drawn.filter((move) => !move.startsWith('*')).sort(), moves.sort())
})

test('no link between the pages leads nowhere', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    ...globSync('{docs,src,simulator,bench}/**/*.md', { cwd: ROOT }),
  ]
  for (const page of pages) {
    for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
      assert.ok(existsSync(join(ROOT, dirname(page), target)), `${page} links to ${target}`)
    }
  }
})
