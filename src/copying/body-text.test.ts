import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyText } from './body-text.ts'

test('links show their targets, unless the text is the target', () => {
  assert.equal(bodyText('<p>See <a href="https://x.example/a">this</a>.</p>'), 'See this [https://x.example/a].')
  assert.equal(bodyText('<a href="https://x.example">https://x.example</a>'), 'https://x.example')
})

test('lists keep their marks and their order', () => {
  const html = '<ul><li>one<ul><li>within</li></ul></li></ul><ol><li>first</li><li>second</li></ol>'
  assert.equal(bodyText(html), ' * one\n   * within\n\n 1. first\n 2. second')
})

test('tables keep their columns', () => {
  const html = '<table><tr><th>Item</th><th>Price</th></tr><tr><td>Chair</td><td>20</td></tr></table>'
  assert.equal(bodyText(html), 'ITEM    PRICE\nChair   20')
})

test('quoted replies are marked, those of Outlook by their rule and header lines', () => {
  assert.equal(
    bodyText('<p>Yes.</p><blockquote>One?<blockquote>Two?</blockquote></blockquote>'),
    'Yes.\n\n> One?\n> \n> > Two?',
  )
  const reply = '<p>Yes.</p><hr><div id="divRplyFwdMsg"><b>From:</b> Lynne<br><b>Sent:</b> Monday</div><div>One?</div>'
  assert.equal(bodyText(reply), `Yes.\n\n${'-'.repeat(40)}\n\nFrom: Lynne\nSent: Monday\nOne?`)
})

test('what a reader does not see is left out, and entities are what they stand for', () => {
  assert.equal(bodyText('<style>p{}</style><script>run()</script><!-- note --><p>A &amp; B&nbsp;C</p>'), 'A & B\u00a0C')
})

test('no length is too long', () => {
  const text = bodyText(`<p>${'word '.repeat(4_000_000)}</p><p>the end</p>`)
  assert.ok(text.endsWith('the end'))
  assert.equal(text.length, 4_000_000 * 5 - 1 + '\n\nthe end'.length)
})

test('elements nested deeper than any stack lose their form, and none of their text', () => {
  const html = `<style>p{}</style><p>before</p>${'<div>'.repeat(50_000)}deep <b>in</b>side${'</div>'.repeat(50_000)}<p>after &lt;`
  assert.equal(bodyText(html), 'before\ndeep inside\nafter <')
})
