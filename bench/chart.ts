import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, LineChart, GridComponent, LegendComponent, MarkLineComponent, TitleComponent, SVGRenderer])

export interface Chart {
  kind: 'bar' | 'line'
  title: string
  /** What lies beside each other, from left to right, and what it is. */
  x: { name: string; values: readonly string[] }
  /** With its unit, such as "MB". */
  y: { name: string; digits?: number }
  /** A value for each of x, or undefined where it could not be had. */
  series: readonly { name: string; values: readonly (number | undefined)[] }[]
  target?: { value: number; name: string }
}

const WIDTH = 720
const HEIGHT = 400
const PAPER = '#ffffff'
const INK = '#24292f'
const FAINT = '#d0d7de'
const TARGET = '#c0362c'
/** Told apart by people who do not see all colours as well, and on paper: blue, orange, green, purple. */
const COLORS = ['#2f6db5', '#b45f06', '#2e7d4f', '#7b5ea7']

/** Around letters, where lines may cross them. */
const OUTLINE = { textBorderColor: PAPER, textBorderWidth: 3 } as const
const EVEN_ENDS = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8]

/** The chart as SVG, on white, so that it can be read on a dark page. The same chart is always the same text. */
export function drawChart({ kind, title, x, y, series, target }: Chart): string {
  const drawn = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  const hasLegend = series.length > 1
  const maximum = niceMaximum(
    Math.max(target?.value ?? 0, ...series.flatMap(({ values }) => values.map((v) => v ?? 0))),
  )
  const format = (value: number) => value.toLocaleString('en', { maximumFractionDigits: y.digits ?? 0 })
  const axisName = { nameLocation: 'middle', nameTextStyle: { color: INK, fontSize: 13 } } as const
  const axisLabel = { color: INK, fontSize: 12 }
  drawn.setOption({
    animation: false,
    backgroundColor: PAPER,
    color: COLORS,
    textStyle: { fontFamily: 'sans-serif' },
    title: { text: title, left: 'center', top: 12, textStyle: { color: INK, fontSize: 17 } },
    legend: { show: hasLegend, bottom: 8, itemGap: 28, silent: true, textStyle: { color: INK, fontSize: 13 } },
    grid: { left: 84, right: 32, top: 64, bottom: hasLegend ? 90 : 64 },
    xAxis: {
      type: 'category',
      data: [...x.values],
      name: x.name,
      nameGap: 32,
      ...axisName,
      axisLabel,
      axisLine: { lineStyle: { color: INK } },
      axisTick: { show: false },
    },
    yAxis: {
      type: 'value',
      name: y.name,
      nameGap: 58,
      ...axisName,
      axisLabel: { ...axisLabel, formatter: format },
      splitLine: { lineStyle: { color: FAINT } },
      max: maximum,
    },
    series: series.map(({ name, values }, index) => ({
      name,
      type: kind,
      data: values.map((value) => ({ value: value ?? null, label: valueLabel(kind, value ?? 0, maximum) })),
      silent: true,
      emphasis: { disabled: true },
      barMaxWidth: 80,
      lineStyle: { width: 2.5 },
      symbol: 'circle',
      symbolSize: 8,
      label: {
        show: true,
        fontSize: 12,
        formatter: ({ value }: { value: unknown }) => (typeof value === 'number' ? format(value) : ''),
      },
      labelLayout: { hideOverlap: true },
      ...(index === 0 && target && { markLine: targetLine(target) }),
    })),
  })
  const svg = drawn.renderToSVGString()
  drawn.dispose()
  return `${withTitle(withoutClasses(svg), title)}\n`
}

function targetLine({ value, name }: NonNullable<Chart['target']>) {
  return {
    silent: true,
    symbol: 'none',
    data: [{ yAxis: value }],
    lineStyle: { color: TARGET, width: 2, type: 'dashed' },
    label: { formatter: name, position: 'insideEndTop', color: TARGET, fontSize: 13, ...OUTLINE },
  }
}

/** In the bar, so that no line of a target goes through it; above where there is no room. */
function valueLabel(kind: Chart['kind'], value: number, maximum: number) {
  const isInBar = kind === 'bar' && value > maximum / 10
  return isInBar
    ? ({ position: 'insideTop', color: PAPER } as const)
    : ({ position: 'top', color: INK, ...OUTLINE } as const)
}

/** Where the axis ends: with room for what is written above the highest value, and with even steps below it. */
function niceMaximum(highest: number): number {
  const least = highest * 1.1 || 1
  const power = 10 ** Math.floor(Math.log10(least))
  return power * (EVEN_ENDS.find((end) => end * power >= least) ?? 10)
}

/** They are for a mouse, and count the charts that the process has drawn before. */
function withoutClasses(svg: string): string {
  return svg.replaceAll(/ class="zr\d+-cls-\d+"/g, '').replace(/<style\b[^>]*>[\s\S]*?<\/style>\s*/, '')
}

/** For those who have it read to them. */
function withTitle(svg: string, title: string): string {
  const escaped = title.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return svg.replace(/^<svg [^>]*>/, (tag) => `${tag}\n<title>${escaped}</title>`)
}
