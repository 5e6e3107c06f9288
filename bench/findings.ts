import { mkdir, readFile, writeFile } from 'node:fs/promises'
import type { Chart } from './chart.ts'
import type { Part } from './surroundings.ts'
import { table } from './table.ts'

/** One of the few figures that docs/performance.md shows. */
export interface KeyFigure {
  what: string
  value: string
  target: string
  /** That measures it. */
  part: Part
}

/** What the parts found for docs/performance.md, beside their sections of the results. */
export class Findings {
  readonly figures: KeyFigure[] = []
  /** By the name of their file in docs/charts, without its end. */
  readonly charts = new Map<string, Chart>()
}

const ROOT = new URL('../', import.meta.url)
const PAGE = 'docs/performance.md'
const FIRST = '<!-- figures: from here, npm run bench writes -->\n'
const LAST = '\n<!-- figures: to here -->'

/** Writes the results, the charts and the figures of docs/performance.md below `root`, which is that of the project unless said otherwise. */
export async function publish(results: string, machine: string, findings: Findings, root = ROOT): Promise<void> {
  const { drawChart } = await import('./chart.ts') // takes a second, which a run that draws nothing need not wait
  const page = withFigures(await readFile(new URL(PAGE, ROOT), 'utf8'), machine, findings.figures)
  for (const folder of ['bench/', 'docs/charts/']) await mkdir(new URL(folder, root), { recursive: true })
  await writeFile(new URL('bench/results.md', root), results)
  await writeFile(new URL(PAGE, root), page)
  for (const [name, chart] of findings.charts) {
    await writeFile(new URL(`docs/charts/${name}.svg`, root), drawChart(chart))
  }
}

/** The page with these figures in place of those that are there. */
export function withFigures(page: string, machine: string, figures: readonly KeyFigure[]): string {
  const first = page.indexOf(FIRST)
  const last = page.indexOf(LAST, first)
  if (first < 0 || last < 0) throw new Error(`${PAGE} does not say where its figures go`)
  const lines = figures.map(({ what, value, target, part }) => [what, value, target, `\`--only ${part}\``])
  const figuresTable = table(['', 'measured', 'target', '`npm run bench -- …`'], lines)
  return `${page.slice(0, first + FIRST.length)}\n${machine}\n\n${figuresTable}\n${page.slice(last)}`
}
