import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Which way the arrows point: from a folder, only to itself and to what stands here. See docs/architecture.md. */
const MAY_IMPORT: Record<string, string[]> = {
  'src/extractions': ['src/errors.ts', 'src/clock.ts'],
  'src/copying': ['src/extractions', 'src/errors.ts', 'src/clock.ts'],
  'src/graph': ['src/extractions', 'src/copying', 'src/errors.ts', 'src/clock.ts', 'src/own-turn.ts'],
  'src/storage': ['src/extractions', 'src/copying', 'src/errors.ts', 'src/clock.ts', 'src/own-turn.ts'],
  'src/blobs': ['src/extractions', 'src/copying', 'src/errors.ts', 'src/clock.ts'],
  'src/jobs': ['src/extractions', 'src/copying', 'src/errors.ts', 'src/clock.ts'],
  'src/http': ['src/extractions', 'src/copying', 'src/errors.ts', 'src/clock.ts'],
  // Users of our API; only cli/service.ts and `serve` start one, and demo and simulator run programs.
  'src/cli': [
    'src/http/client.ts',
    'src/http/contract',
    'src/errors.ts',
    'src/version.ts',
    'src/config.ts',
    'src/app.ts',
  ],
  simulator: [],
}

/** What a browser or the command line may load without the server. */
const CLIENT_FILES = [
  'src/http/client.ts',
  'src/http/contract.ts',
  'src/http/contract-batch.ts',
  'src/http/contract-email.ts',
  'src/http/contract-report.ts',
]
const CLIENT_MAY_IMPORT = [
  ...CLIENT_FILES,
  'src/errors.ts',
  'src/extractions/extraction-status.ts',
  'src/copying/message.ts',
]

const files = ['src/**/*.ts', 'simulator/**/*.ts'].flatMap((pattern) => globSync(pattern, { cwd: ROOT }))

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [...text.matchAll(/(?:from|import\()\s*'(\.{1,2}\/[^']+)'/g)].map(([, path = '']) =>
    relative(ROOT, join(ROOT, dirname(file), path)),
  )
}

function isTest(file: string): boolean {
  return file.endsWith('.test.ts')
}

for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
  test(`${folder} imports only what it may`, () => {
    const own = files.filter((file) => file.startsWith(`${folder}/`))
    assert.ok(own.length > 0, 'the folder has files')
    for (const file of own) {
      for (const imported of importsOf(file)) {
        const isAllowed = [`${folder}/`, ...allowed, ...(isTest(file) ? ['test/support/'] : [])].some((prefix) =>
          imported.startsWith(prefix),
        )
        assert.ok(isAllowed, `${file} imports ${imported}`)
      }
    }
  })
}

test('the client of the API needs nothing of the server', () => {
  for (const file of CLIENT_FILES) {
    for (const imported of importsOf(file))
      assert.ok(CLIENT_MAY_IMPORT.includes(imported), `${file} imports ${imported}`)
  }
})

test('the environment is read in one place only', () => {
  const readers = files.filter(
    (file) =>
      file.startsWith('src/') &&
      !/\.test\.ts$|\/testing\//.test(file) &&
      /process\.env/.test(readFileSync(join(ROOT, file), 'utf8')),
  )
  // The first makes the environment that config.ts reads; the others hand one on to a program they start.
  assert.deepEqual(readers.sort(), ['src/cli/child.ts', 'src/cli/commands/demo.ts', 'src/cli/environment.ts'])
})

test('the version is that of the package', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  assert.match(readFileSync(join(ROOT, 'src/version.ts'), 'utf8'), new RegExp(`'${version}'`))
})
