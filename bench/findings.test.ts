import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { withFigures } from './findings.ts'

const page = readFileSync(new URL('../docs/performance.md', import.meta.url), 'utf8')
const figure = { what: 'Speed', value: '0.90', target: '0.80', part: 'pages' } as const

test('figures take the place of those before, and all other text stays', () => {
  const once = withFigures(page, 'this machine', [figure])
  assert.match(once, /this machine\n\n\|.+\|\n\|.+\|\n\| Speed \| +0\.90 \| +0\.80 \| +`--only pages` \|\n/)
  assert.equal(withFigures(once, 'this machine', [figure]), once)
  assert.equal(withFigures(withFigures(once, 'another', []), 'this machine', [figure]), once)
  const around = (text: string) => text.replace(/<!-- figures: from[\s\S]*figures: to here -->/, '')
  assert.equal(around(once), around(page))
})

test('a page that does not say where they go is refused', () => {
  assert.throws(() => withFigures('# Performance\n', 'this machine', [figure]), /where its figures go/)
})
