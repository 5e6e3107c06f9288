import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Chart, drawChart } from './chart.ts'

const CHART: Chart = {
  kind: 'bar',
  title: 'Memory <by> size',
  x: { name: 'messages', values: ['10', '1,000'] },
  y: { name: 'MB' },
  series: [{ name: 'peak', values: [1234, undefined] }],
  target: { value: 1500, name: 'target: below 1,500' },
}

test('the same chart is the same text, whatever was drawn before', () => {
  const first = drawChart(CHART)
  drawChart({ ...CHART, kind: 'line' })
  assert.equal(drawChart(CHART), first)
})

test('a chart says what it shows, in which unit, and what is aimed at', () => {
  const svg = drawChart(CHART)
  for (const text of ['Memory &lt;by&gt; size', 'messages', 'MB', '1,000', '1,234', 'target: below 1,500']) {
    assert.ok(svg.includes(`>${text}</text>`), text)
  }
  assert.match(svg, /^<svg [^>]*>\n<title>Memory &lt;by> size<\/title>/)
})

test('a chart is on white in its reader’s own font, and nothing in it is for a mouse', () => {
  const svg = drawChart(CHART)
  assert.match(svg, /<rect width="720" height="400" x="0" y="0" fill="#ffffff">/)
  assert.deepEqual(new Set(svg.match(/font-family:[^;"]+/g)), new Set(['font-family:sans-serif']))
  assert.doesNotMatch(svg, /class=|<style|:hover/)
})

test('several series are told apart by their names, a single one needs none', () => {
  const [peak] = CHART.series
  assert.ok(peak)
  assert.ok(!drawChart(CHART).includes('>peak</text>'))
  const both = drawChart({ ...CHART, kind: 'line', series: [peak, { name: 'at rest', values: [50, 60] }] })
  for (const name of ['peak', 'at rest']) assert.ok(both.includes(`>${name}</text>`), name)
})

test('the axis ends above all values and the target, with even steps', () => {
  const ends = (value: number, target: number) => {
    const svg = drawChart({
      ...CHART,
      series: [{ name: 'peak', values: [value] }],
      target: { value: target, name: 'target' },
    })
    return [...svg.matchAll(/text-anchor="end"[^>]*fill="#24292f">([\d,]+)<\/text>/g)].map(([, tick]) => tick)
  }
  assert.deepEqual(ends(250, 300), ['0', '100', '200', '300', '400'])
  assert.deepEqual(ends(4200, 3800), ['0', '1,000', '2,000', '3,000', '4,000', '5,000'])
})
